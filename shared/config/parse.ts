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
 * @throws ConfigError naming each wrong field and what it should be.
 */
export function parseDeployment(
  config: EdgeSignerConfig,
  stage: string,
  params: Readonly<Record<string, unknown>> = {},
): Deployment {
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(config.service)) {
    throw new ConfigError('service: must be at most 30 lower-case letters, digits and hyphens')
  }
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
  if (!parsed.success) {
    const faults = parsed.issues.map((issue) => {
      const field = v.getDotPath(issue)
      return field === null ? issue.message : `${field}: ${issue.message}`
    })
    throw new ConfigError(`edge-signer.config.ts, stage ${stage}:\n  ${faults.join('\n  ')}`)
  }
  return { service: config.service, stage, config: parsed.output }
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
