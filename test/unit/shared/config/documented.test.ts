import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import { problems } from '../../../../shared/errors.ts'

const docs = readFileSync('docs/configuration.md', 'utf8')

it('describes every field of a stage in docs/configuration.md', () => {
  const session = { algorithms: ['HS256' as const], issuer: null, audience: null }
  const { config } = parseDeployment(
    { service: 's', defaults: {}, stages: { s: { session, grants: ['/users/{sub}/*'] } } },
    's',
  )
  const fields = Object.entries(config).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.keys(value).map((inner) => `${name}.${inner}`)
      : [name],
  )
  expect(fields.filter((field) => !docs.includes(`\`${field}\``))).toEqual([])
})

it('gives every code a status that fits its name, and fixed text', () => {
  for (const [code, [status, title, detail]] of Object.entries(problems)) {
    expect(code).toMatch(/^ERR_[A-Z0-9_]+$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(`${title}${detail}`).not.toMatch(/[{}$<>]/)
  }
})
