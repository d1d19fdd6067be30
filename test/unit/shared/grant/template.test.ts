import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../../shared/errors.ts'
import { parseGrantTemplate, templateBehaviour, templateDepth } from '../../../../shared/grant/template.ts'

test.each([
  ['/users/{sub}/*', '/users/*', 2],
  ['/teams/{claims.team}/*', '/teams/*', 2],
  ['/data/v1/{claims.custom:org}/{sub}/*', '/data/v1/*', 4],
  ['/shared/docs/*', '/shared/docs/*', 2],
])('%s is served by %s and has %i segments', (source, behaviour, depth) => {
  const template = parseGrantTemplate(source)
  expect(templateBehaviour(template)).toBe(behaviour)
  expect(templateDepth(template)).toBe(depth)
})

test('takes the name of a claim whole', () => {
  expect(parseGrantTemplate('/t/{claims.a.b:c-d_e}/*').segments[1]).toEqual({ kind: 'claim', name: 'a.b:c-d_e' })
})

test('takes a quoted name literally, with whatever characters it has', () => {
  const segment = (source: string) => parseGrantTemplate(source).segments.at(-1)
  expect(segment('/t/{claims["https://example.com/team"]}/*')).toEqual({
    kind: 'claim',
    name: 'https://example.com/team',
    exact: true,
  })
  expect(segment('/t/x/{claims["a \\"b\\" ]}/c"]}/*')).toMatchObject({ name: 'a "b" ]}/c' })
})

describe('refuses', () => {
  test.each([
    '/t/{claims["https://example.com/team]}/*',
    '/t/{claims[""]}/*',
    '/t/{claims["a\\x"]}/*',
    "/t/{claims['a']}/*",
    '/t/{claims[a]}/*',
    '/users/{sub}',
    '/users/{sub}/',
    '/users/{sub}*',
    'users/{sub}/*',
    '/{sub}/*',
    '/{sub}/files/*',
    '/users/*',
    '/*',
    '',
    '/users//*',
    '/users/../*',
    '/users/{name}/*',
    '/users/{claims.}/*',
    '/users/u-{sub}/*',
    '/users/*/x/*',
    '/users/a b/*',
  ])('%j', (source) => expect(() => parseGrantTemplate(source)).toThrow(ConfigError))
})
