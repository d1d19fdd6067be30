import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { stageConfigSchema } from '../../../../shared/config/stage-config.ts'
import { problems } from '../../../../shared/errors.ts'

const docs = readFileSync('docs/configuration.md', 'utf8')

it('describes every field of a stage in docs/configuration.md', () => {
  const fields = namesOf(stageConfigSchema)
  expect(fields).toEqual(expect.arrayContaining(['cdnHost', 'aliases', 'grants', 'session.jwksUrl', 'cookies.domain']))
  expect(fields.filter((field) => !docs.includes(`\`${field}\``))).toEqual([])
})

interface Schema {
  readonly type: string
  readonly entries?: Readonly<Record<string, Schema>>
  /** The schema of an optional or nullable field. */
  readonly wrapped?: Schema
}

/** Names of the fields of a schema, `outer.inner` for those of an object. */
function namesOf(schema: Schema): string[] {
  return Object.entries(schema.entries ?? {}).flatMap(([name, field]) => {
    const inner = namesOf(field.wrapped ?? field)
    return inner.length === 0 ? [name] : inner.map((own) => `${name}.${own}`)
  })
}

it('gives every code a status that fits its name, and fixed text', () => {
  for (const [code, [status, title, detail]] of Object.entries(problems)) {
    expect(code).toMatch(/^ERR_[A-Z0-9_]+$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(`${title}${detail}`).not.toMatch(/[{}$<>]/)
  }
})
