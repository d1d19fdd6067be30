import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Hono } from 'hono'
import { type DescribeRouteOptions, describeRoute, generateSpecs, resolver, validator } from 'hono-openapi'
import type { OpenAPIV3_1 } from 'openapi-types'
import { type ErrorCode, InputError, problems } from '../../shared/errors.ts'
import type { ApiEnv } from './actor.ts'
import { apiStatus } from './problem.ts'
import { problem } from './schemas.ts'

/** Makes the OpenAPI 3.1 document from the schemas that check the requests. @param cookieName name of the session cookie. */
export async function openApiDocument(app: Hono<ApiEnv>, cookieName: string): Promise<OpenAPIV3_1.Document> {
  const document = await generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: {
        title: 'Edge Signer API',
        version: '1',
        description:
          'Uploads, downloads, assets and revocations. Every problem is application/problem+json with a stable code.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          session: { type: 'apiKey', in: 'cookie', name: cookieName },
        },
      },
      security: [{ bearer: [] }, { session: [] }],
    },
  })
  return document as OpenAPIV3_1.Document
}

/** Description of a route in the OpenAPI document beyond its inputs. */
export interface RouteDescription {
  readonly tag: 'Uploads' | 'Downloads' | 'Assets' | 'Uppy' | 'Administration' | 'Service'
  readonly summary: string
  readonly description?: string
  /** The answer of success. */
  readonly answer: { readonly status?: 200 | 201; readonly description: string; readonly schema: StandardSchemaV1 }
  /** Codes of problems that this route may answer with, besides those of every route with its method. */
  readonly codes?: readonly ErrorCode[]
  /** True if it can be used without a session. */
  readonly open?: boolean
}

type Method = 'GET' | 'POST' | 'DELETE'

const everywhere: readonly ErrorCode[] = ['ERR_REQUEST_INVALID', 'ERR_INTERNAL']

/** Codes of `authenticate` and of the stores that it reads. */
const withSession: readonly ErrorCode[] = [
  'ERR_SESSION_MISSING',
  'ERR_SESSION_DUPLICATE',
  'ERR_SESSION_INVALID',
  'ERR_SESSION_EXPIRED',
  'ERR_SESSION_REVOKED',
  'ERR_GRANT_CLAIM',
  'ERR_GRANT_TOO_MANY',
  'ERR_JWKS_UNAVAILABLE',
  'ERR_KEYS_UNAVAILABLE',
  'ERR_KEYS_INVALID',
  'ERR_STATE_UNAVAILABLE',
  'ERR_STORE_UNAVAILABLE',
]

const ofMethod: Readonly<Record<Method, readonly ErrorCode[]>> = {
  GET: [],
  POST: ['ERR_ORIGIN_REQUIRED', 'ERR_MEDIA_TYPE', 'ERR_BODY_TOO_LARGE'],
  DELETE: ['ERR_ORIGIN_REQUIRED', 'ERR_BODY_TOO_LARGE'],
}

/** Describes a route in the OpenAPI document. */
export function documented(method: Method, route: RouteDescription) {
  const { answer } = route
  const responses: NonNullable<DescribeRouteOptions['responses']> = {
    [answer.status ?? 200]: {
      description: answer.description,
      content: { 'application/json': { schema: resolver(answer.schema) } },
    },
  }
  const common = route.open ? everywhere : [...everywhere, ...withSession, ...ofMethod[method]]
  for (const [status, codes] of byStatus([...common, ...(route.codes ?? [])])) {
    responses[status] = {
      description: codes.map((code) => `${code}: ${problems[code][2]}`).join('\n\n'),
      content: { 'application/problem+json': { schema: resolver(problem) } },
    }
  }
  return describeRoute({
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.open ? { security: [] } : {}),
    responses,
  })
}

function byStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const statuses = new Map<number, ErrorCode[]>()
  for (const code of new Set(codes)) statuses.set(apiStatus(code), [...(statuses.get(apiStatus(code)) ?? []), code])
  return statuses
}

/**
 * Validates a part of the request against a schema, which the OpenAPI document shows, too.
 *
 * The problem names the wrong fields, never a value. Names of unknown fields are left out, because they come from the request.
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
