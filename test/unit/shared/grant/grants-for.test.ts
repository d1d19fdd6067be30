import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { grantsFor } from '../../../../shared/grant/grants-for.ts'
import { parseGrantTemplate } from '../../../../shared/grant/template.ts'

const users = parseGrantTemplate('/users/{sub}/*')
const teams = parseGrantTemplate('/teams/{claims.team}/*')

function prefixes(claims: Record<string, unknown>, templates = [users, teams], limit = 8, sub = 'alice'): string[] {
  return [...grantsFor({ sub, claims }, templates, limit).prefixes]
}

const refusal = (code: string) => expect.objectContaining({ name: 'GrantError', code })

describe('grantsFor', () => {
  test('makes one prefix for each template, in their order', () => {
    expect(prefixes({ team: 'red' })).toEqual(['/users/alice/', '/teams/red/'])
  })

  test('makes one for each element of an array, without duplicates', () => {
    expect(prefixes({ team: ['red', 'blue', 'red'] })).toEqual(['/users/alice/', '/teams/red/', '/teams/blue/'])
  })

  test('gives nothing for a claim that is absent or empty', () => {
    expect(prefixes({})).toEqual(['/users/alice/'])
    expect(prefixes({ team: [] })).toEqual(['/users/alice/'])
  })

  test('does not take inherited properties for claims', () => {
    const inherited = parseGrantTemplate('/x/{claims.constructor}/*')
    expect(prefixes({}, [users, inherited])).toEqual(['/users/alice/'])
    expect(prefixes(Object.create({ team: 'red' }))).toEqual(['/users/alice/'])
  })

  test('encodes what it puts in', () => {
    expect(prefixes({ team: 'R&D west' }, [teams])).toEqual(['/teams/R%26D%20west/'])
  })

  test('drops grants inside broader ones, wherever they stand, and keeps siblings', () => {
    const all = parseGrantTemplate('/shared/docs/*')
    const mine = parseGrantTemplate('/shared/docs/{sub}/*')
    const sibling = parseGrantTemplate('/shared/docs2/*')
    expect(prefixes({}, [mine, all, sibling])).toEqual(['/shared/docs/', '/shared/docs2/'])
    expect(prefixes({}, [all, mine])).toEqual(['/shared/docs/'])
  })

  test.each([42, 1e21, true, {}, ['red', 1], [['red']], '..', 'a/b', '/red', ['red', '*'], 'a\u0000'])(
    'gives nothing for the claim %j, names it, and leaves the other grants alone',
    (team) => {
      const { prefixes: made, unusable } = grantsFor({ sub: 'alice', claims: { team } }, [users, teams], 8)
      expect(made).toEqual(['/users/alice/', ...(Array.isArray(team) && team[0] === 'red' ? ['/teams/red/'] : [])])
      expect(unusable).toEqual(['team'])
    },
  )

  test('refuses a session to which an unusable claim leaves nothing, and names the claim', () => {
    expect(() => prefixes({ team: '/red' }, [teams])).toThrow(
      expect.objectContaining({ code: 'ERR_GRANT_CLAIM', claim: 'team' }),
    )
  })

  test.each([null, '', [], undefined])('takes the claim %j for absent', (team) => {
    expect(grantsFor({ sub: 'alice', claims: { team } }, [users, teams], 8)).toMatchObject({
      prefixes: ['/users/alice/'],
      unusable: [],
    })
    expect(() => prefixes({ team }, [teams])).toThrow(refusal('ERR_GRANT_NONE'))
  })

  test('finds a claim by its literal name before a path into objects', () => {
    const nested = [parseGrantTemplate('/t/{claims.app_metadata.team}/*')]
    expect(prefixes({ app_metadata: { team: 'red' } }, nested)).toEqual(['/t/red/'])
    expect(prefixes({ 'app_metadata.team': 'blue', app_metadata: { team: 'red' } }, nested)).toEqual(['/t/blue/'])
    const deep = [parseGrantTemplate('/t/{claims.a.b.c}/*')]
    expect(prefixes({ a: { b: { c: ['x', 'y'] } } }, deep)).toEqual(['/t/x/', '/t/y/'])
    for (const a of ['text', ['x'], null, { b: 'text' }, { b: [{ c: 'x' }] }, { b: Object.create({ c: 'x' }) }]) {
      expect(() => prefixes({ a }, deep)).toThrow(refusal('ERR_GRANT_NONE'))
    }
  })

  test('finds a quoted claim by its literal name only', () => {
    const url = [parseGrantTemplate('/t/{claims["https://example.com/team"]}/*')]
    expect(prefixes({ 'https://example.com/team': 'red' }, url)).toEqual(['/t/red/'])
    const dotted = [parseGrantTemplate('/t/{claims["a.b"]}/*')]
    expect(prefixes({ 'a.b': 'red' }, dotted)).toEqual(['/t/red/'])
    expect(() => prefixes({ a: { b: 'red' } }, dotted)).toThrow(refusal('ERR_GRANT_NONE'))
  })

  test('keeps to the conditions of a template: a value, or one in a list', () => {
    const editors = { ...teams, when: [{ claim: 'realm.roles', values: ['editor', 'owner'] }] }
    const made = (realm: unknown) => prefixes({ team: 'red', realm }, [users, editors])
    expect(made({ roles: ['viewer', 'owner'] })).toEqual(['/users/alice/', '/teams/red/'])
    expect(made({ roles: 'editor' })).toEqual(['/users/alice/', '/teams/red/'])
    for (const realm of [{ roles: ['viewer'] }, { roles: [['editor']] }, { roles: [] }, {}, undefined, 'editor']) {
      expect(made(realm)).toEqual(['/users/alice/'])
    }
    const both = { ...teams, when: [...editors.when, { claim: 'mfa', values: [true] }] }
    expect(prefixes({ team: 'red', realm: { roles: 'editor' }, mfa: 'true' }, [users, both])).toEqual(['/users/alice/'])
  })

  test('keeps every right, although cookies are made for the broadest prefix only', () => {
    const inbox = { ...parseGrantTemplate('/users/{sub}/inbox/*'), upload: { maxBytes: 10 } }
    const { rights, prefixes: made } = grantsFor({ sub: 'alice', claims: {} }, [{ ...users, access: 'read' }, inbox], 8)
    expect(made).toEqual(['/users/alice/'])
    expect(rights).toEqual([
      { prefix: '/users/alice/', access: 'read' },
      { prefix: '/users/alice/inbox/', access: 'read-write', upload: { maxBytes: 10 } },
    ])
  })

  test('refuses a hostile or over-long sub', () => {
    expect(() => prefixes({}, [users], 8, '../bob')).toThrow(refusal('ERR_GRANT_CLAIM'))
    expect(() => prefixes({}, [users], 8, 'a'.repeat(400))).toThrow(refusal('ERR_GRANT_CLAIM'))
  })

  test('refuses a session that grants nothing', () => {
    expect(() => prefixes({}, [teams])).toThrow(refusal('ERR_GRANT_NONE'))
    expect(() => prefixes({}, [])).toThrow(refusal('ERR_GRANT_NONE'))
  })

  test('keeps the limit, counted after dropping', () => {
    const eight = Array.from({ length: 8 }, (_, i) => `t${i}`)
    expect(prefixes({ team: eight }, [teams])).toHaveLength(8)
    expect(prefixes({ team: [...eight, 't0'] }, [teams])).toHaveLength(8)
    const nested = [teams, parseGrantTemplate('/teams/{claims.team}/{sub}/*')]
    expect(prefixes({ team: eight }, nested)).toHaveLength(8)
    expect(() => prefixes({ team: [...eight, 't8'] }, [teams])).toThrow(refusal('ERR_GRANT_TOO_MANY'))
    expect(() => prefixes({ team: eight.slice(0, 5) }, [teams], 4)).toThrow(refusal('ERR_GRANT_TOO_MANY'))
  })

  test('does not spell out arrays times arrays', () => {
    const product = parseGrantTemplate('/x/{claims.a}/{claims.b}/{claims.c}/*')
    const many = Array.from({ length: 1000 }, (_, i) => `${i}`)
    expect(() => prefixes({ a: many, b: many, c: many }, [product])).toThrow(refusal('ERR_GRANT_TOO_MANY'))
  })

  test('never leaves the behaviour and depth of its template, however the URL is normalised', () => {
    const hostile = fc.string({ unit: fc.constantFrom(...'.%2eEfF5cC/\\*?@;a é\u0000\n'), maxLength: 12 })
    let granted = 0
    fc.assert(
      fc.property(
        fc.oneof(hostile, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', minLength: 1 })),
        (sub) => {
          let prefix: string
          try {
            prefix = prefixes({}, [users], 8, sub)[0] ?? ''
          } catch (error) {
            expect(error).toEqual(refusal('ERR_GRANT_CLAIM'))
            return
          }
          granted += 1
          const asSent = new URL(`${prefix}file`, 'https://cdn.example.com').pathname
          expect(asSent).toBe(`${prefix}file`)
          expect(prefix).toMatch(/^\/users\/[^/]+\/$/)
          expect(prefix).not.toMatch(/[*?\\]/)
          // As an object key, decoded once, still one segment below users/ and no dot segment.
          const [first, value, rest, ...more] = decodeURIComponent(prefix.slice(1)).split('/')
          expect([first, value, rest, more]).toEqual(['users', sub, '', []])
          expect(['.', '..', '']).not.toContain(value)
        },
      ),
      { numRuns: 500 },
    )
    expect(granted).toBeGreaterThan(50)
  })
})
