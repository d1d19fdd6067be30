import * as v from 'valibot'
import { ConfigError } from '../errors.ts'
import { type StageConfig, type StageConfigInput, stageConfigSchema } from './stage-config.ts'

/** `edge-signer.config.ts`: what holds for every stage, and what each stage changes. */
export interface EdgeSignerConfig {
  /** Prefix of every name in AWS; lower-case letters, digits and hyphens. */
  readonly service: string
  readonly defaults: Partial<StageConfigInput>
  readonly stages: Readonly<Record<string, Partial<StageConfigInput>>>
}

/** One stage of one service, parsed: what packaging, the functions and the emulation are made from. */
export interface Deployment {
  readonly service: string
  readonly stage: string
  readonly config: StageConfig
}

/** Types the default export of `edge-signer.config.ts`; the values are checked by `parseDeployment`. */
export function defineConfig(config: EdgeSignerConfig): EdgeSignerConfig {
  return config
}

/**
 * Merges defaults, stage and deployment parameters (later wins, field by field) and parses the result. A parameter that is an
 * object changes only the fields that it has.
 *
 * @throws ConfigError naming every wrong field and what its value must be.
 */
export function parseDeployment(
  config: EdgeSignerConfig,
  stage: string,
  params: Readonly<Record<string, unknown>> = {},
): Deployment {
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(stage)) {
    throw new ConfigError(`stage "${stage}": must be at most 20 lower-case letters, digits and hyphens`)
  }
  const own = Object.hasOwn(config.stages, stage) ? config.stages[stage] : undefined
  if (own === undefined) {
    throw new ConfigError(
      `stage "${stage}" is not in edge-signer.config.ts, which has: ${Object.keys(config.stages).join(', ')}`,
    )
  }
  const parsed = v.safeParse(stageConfigSchema, withParams({ ...config.defaults, ...own }, params))
  const faults = parsed.success ? [] : parsed.issues.flatMap(describeIssue)
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(config.service)) {
    faults.unshift('service: must be at most 30 lower-case letters, digits and hyphens')
  }
  if (!parsed.success || faults.length > 0) {
    throw new ConfigError(`edge-signer.config.ts, stage ${stage}:\n  ${faults.join('\n  ')}`)
  }
  return { service: config.service, stage, config: parsed.output }
}

/** Returns a line for each fault. The issue of unknown fields has several, and belongs to the object that holds them. */
function describeIssue(issue: v.BaseIssue<unknown>): string[] {
  const path = issue.path?.map(({ key }) => String(key)) ?? []
  if (issue.type === 'strict_object' && issue.expected === 'never') path.pop()
  const field = path.join('.')
  return issue.message.split('\n').map((line) => (field === '' ? line : `${field}: ${line}`))
}

function withParams(
  stage: Readonly<Record<string, unknown>>,
  params: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...stage, ...params }
  for (const [name, value] of Object.entries(params)) {
    const fields = stage[name]
    if (isFields(value) && isFields(fields)) merged[name] = { ...fields, ...value }
  }
  return merged
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
