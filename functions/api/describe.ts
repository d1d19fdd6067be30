import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type DescribeRouteOptions, describeRoute, resolver } from 'hono-openapi'
import { type ErrorCode, problems } from '../../shared/errors.ts'
import { apiStatus } from './problem.ts'
import { problem } from './schemas.ts'

/** What the OpenAPI document says of a route beyond its inputs. */
export interface RouteDescription {
  readonly tag: 'Uploads' | 'Downloads' | 'Assets' | 'Uppy' | 'Administration' | 'Service'
  readonly summary: string
  readonly description?: string
  /** The answer of success. */
  readonly answer: { readonly status?: 200 | 201; readonly description: string; readonly schema: StandardSchemaV1 }
  /** Codes of problems that this route may answer with, besides those of every route with its method. */
  readonly codes?: readonly ErrorCode[]
  /** Whether it can be used without a session. */
  readonly open?: boolean
}

type Method = 'GET' | 'POST' | 'DELETE'

const everywhere: readonly ErrorCode[] = ['ERR_REQUEST_INVALID', 'ERR_INTERNAL']

/** What `authenticate` and whatever it asks answer with. */
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
