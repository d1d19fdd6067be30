import type { StandardSchemaV1 } from '@standard-schema/spec'
import { validator } from 'hono-openapi'
import { InputError } from './problem.ts'

/**
 * Validates a part of the request against a schema, which is also what the OpenAPI document shows.
 *
 * The problem names the fields that were wrong, never a value, and no name that came from the request: those of unknown
 * fields are left out.
 */
export function input<Schema extends StandardSchemaV1, Target extends 'json' | 'query' | 'param'>(
  target: Target,
  schema: Schema,
) {
  return validator(target, schema, (result) => {
    if (!result.success) throw new InputError(fieldsOf(result.error))
  })
}

function fieldsOf(issues: readonly StandardSchemaV1.Issue[]): string[] {
  const fields = issues.flatMap((issue) => {
    const path = (issue.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
    // valibot's type of an issue about a key that the schema does not have.
    const isUnknown = 'expected' in issue && issue.expected === 'never'
    return isUnknown || path.length === 0 ? [] : [path.join('.')]
  })
  return [...new Set(fields)].slice(0, 20)
}
