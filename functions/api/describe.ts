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
  readonly answer?: { readonly status?: 200 | 201; readonly description: string; readonly schema: StandardSchemaV1 }
  /** Codes of problems that this route may answer with, besides those of every route. */
  readonly codes?: readonly ErrorCode[]
  /** Whether it can be used without a session. */
  readonly open?: boolean
}

const everywhere: readonly ErrorCode[] = [
  'ERR_REQUEST_INVALID',
  'ERR_SESSION_MISSING',
  'ERR_SESSION_INVALID',
  'ERR_SESSION_EXPIRED',
  'ERR_SESSION_REVOKED',
  'ERR_STORE_UNAVAILABLE',
]

/** Describes a route in the OpenAPI document. */
export function documented(route: RouteDescription) {
  const { answer } = route
  const responses: NonNullable<DescribeRouteOptions['responses']> = {}
  if (answer !== undefined) {
    responses[answer.status ?? 200] = {
      description: answer.description,
      content: { 'application/json': { schema: resolver(answer.schema) } },
    }
  }
  for (const [status, codes] of byStatus([...(route.open ? [] : everywhere), ...(route.codes ?? [])])) {
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
