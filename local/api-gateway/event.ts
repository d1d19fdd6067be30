import type { IncomingMessage } from 'node:http'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { trimSpace } from '../../shared/http/trim-space.ts'
import { pseudoParameters } from '../cloudfront/template/intrinsics.ts'

/** The parts of a request beside its head, and the API that it is for. */
export interface HttpApiCall {
  /** As `decodedPath` returns it. */
  readonly path: string
  readonly body: Buffer
  /** The route that matched, e.g. `ANY /api/{proxy+}`. */
  readonly routeKey: string
  readonly apiId: string
  readonly nowMs: number
}

/**
 * Returns the path of a request target in the form that an HTTP API passes to a function: decoded, even in `rawPath`. Returns
 * `undefined` if the decoded path is not UTF-8.
 */
export function decodedPath(target: string): string | undefined {
  try {
    return decodeURIComponent(splitTarget(target)[0])
  } catch {
    return undefined
  }
}

/**
 * Returns an HTTP API's event, payload format 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function httpApiEvent(request: IncomingMessage, call: HttpApiCall): APIGatewayProxyEventV2 {
  const { path, body, routeKey, apiId, nowMs } = call
  const [, rawQueryString] = splitTarget(request.url ?? '/')
  const { cookie, ...others } = request.headers
  const headers = Object.fromEntries(
    Object.entries(others).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
  )
  const domainName = `${apiId.toLowerCase()}.execute-api.${pseudoParameters['AWS::Region']}.amazonaws.com`
  const isText = /^(text\/|application\/(json|.*\+json|xml|x-www-form-urlencoded|javascript))/.test(
    headers['content-type'] ?? '',
  )
  const query = joinQuery(rawQueryString)
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split(';').map(trimSpace) }),
    headers: { ...headers, host: domainName },
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: pseudoParameters['AWS::AccountId'] ?? '',
      apiId,
      domainName,
      domainPrefix: apiId.toLowerCase(),
      http: {
        method: request.method ?? 'GET',
        path,
        protocol: 'HTTP/1.1',
        sourceIp: headers['x-forwarded-for']?.split(',').at(-1)?.trim() ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: `local-${nowMs.toString(36)}`,
      routeKey,
      stage: '$default',
      time: new Date(nowMs).toUTCString(),
      timeEpoch: nowMs,
    },
    ...(body.length === 0 ? {} : { body: isText ? body.toString('utf8') : body.toString('base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  }
}

/** Returns API Gateway's response for a function's result. An unstructured result is the JSON body of a 200. */
export function httpApiResponse(result: unknown): {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly body: Buffer
} {
  if (typeof result !== 'object' || result === null || !('statusCode' in result)) {
    const text = typeof result === 'string' ? result : JSON.stringify(result ?? null)
    return { status: 200, headers: [['content-type', 'application/json']], body: Buffer.from(text) }
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = result as APIGatewayProxyStructuredResultV2
  return {
    status: statusCode ?? 200,
    headers: [
      ...Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)] as const),
      ...(cookies ?? []).map((cookie) => ['set-cookie', cookie] as const),
    ],
    body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8'),
  }
}

/** Splits a request target into its path and its query string, both as sent. */
function splitTarget(target: string): [path: string, querystring: string] {
  const mark = target.indexOf('?')
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

function joinQuery(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined
  // Parameter names are untrusted. Without a prototype, `__proto__` is an ordinary name.
  const joined: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    joined[name] = joined[name] !== undefined ? `${joined[name]},${value}` : value
  }
  return joined
}
