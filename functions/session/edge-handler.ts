import type { CloudFrontRequestEvent, CloudFrontRequestResult, Context } from 'aws-lambda'
import { RequestError } from '../../shared/errors.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { corsHeaders, preflightResponse } from '../../shared/read/cors.ts'
import { refuseCrossSite } from '../../shared/read/fetch-metadata.ts'
import { problemResponse } from '../../shared/read/problem-response.ts'
import type { SessionFunctionConfig } from './config.ts'
import { type EdgeRequest, fromCloudFront, letPass, type Passage, toCloudFront } from './event.ts'
import { guardFile } from './gate.ts'
import { mintSession } from './mint.ts'
import { logRefusal, MethodRefusal, refuse } from './refusal.ts'
import { createSessionServices, type SessionDependencies, type SessionServices } from './services.ts'
import { endSession, endSessionAndReturn } from './sign-out.ts'

/** Dependencies of the handler. */
export interface EdgeHandlerDependencies {
  /** Called once. The account is known from the first request on. */
  readonly connect: (accountId: () => Promise<string>) => SessionDependencies
  readonly nowMs: () => number
  /** A number from 0 up to 1. */
  readonly random: () => number
  /**
   * True if keys and key set are fetched before the first request. Lambda gives a function a whole CPU while it loads, and a
   * fraction of one afterwards.
   */
  readonly prefetch?: boolean
}

/** The signature of the Lambda function. */
export type EdgeHandler = (
  event: CloudFrontRequestEvent,
  context: Pick<Context, 'invokedFunctionArn'>,
) => Promise<NonNullable<CloudFrontRequestResult>>

/**
 * Makes the handler: translates the event, answers, translates the answer. It always resolves, because CloudFront turns an
 * exception into a 503 without a reason.
 */
export function createEdgeHandler(
  config: SessionFunctionConfig,
  { connect, nowMs, random, prefetch = false }: EdgeHandlerDependencies,
): EdgeHandler {
  let tellAccount: (accountId: string) => void = () => {}
  const account = new Promise<string>((resolve) => {
    tellAccount = resolve
  })
  const now = () => Math.floor(nowMs() / 1000)
  const services = createSessionServices(
    config,
    connect(() => account),
    random,
  )
  if (prefetch) services.prefetch(now())
  return async (event, context) => {
    try {
      const edge = fromCloudFront(event)
      tellAccount(accountOf(context.invokedFunctionArn))
      const answered = await answer(edge, services, now())
      return 'status' in answered ? toCloudFront(answered) : letPass(event, answered)
    } catch {
      logRefusal('ERR_INTERNAL', event?.Records?.[0]?.cf?.config?.requestId ?? 'none')
      return toCloudFront(problemResponse('ERR_INTERNAL', config.headers))
    }
  }
}

/** `arn:aws:lambda:us-east-1:123456789012:function:name:1` → `123456789012`. */
function accountOf(functionArn: string): string {
  return functionArn.split(':')[4] ?? ''
}

/** Answers a request, or lets it pass to the origin. Never rejects; every answer has CORS and the stage's headers. */
async function answer(edge: EdgeRequest, services: SessionServices, now: number): Promise<HttpResponse | Passage> {
  const { request } = edge
  const response = await route(edge, services, now).catch((error: unknown) => refuse(error, edge, services))
  if (!('status' in response)) return response
  const cors = response.headers.some(([name]) => name === 'vary')
    ? []
    : corsHeaders(request.headers.origin, services.readers)
  return {
    status: response.status,
    // RFC 9110 section 9.3.2: an answer to HEAD has no content.
    body: request.method === 'HEAD' ? '' : response.body,
    headers: [...response.headers, ...cors, ...services.config.headers],
  }
}

const sessionMethods = 'GET, POST, DELETE, OPTIONS'
const endMethods = 'GET, OPTIONS'

async function route(edge: EdgeRequest, services: SessionServices, now: number): Promise<HttpResponse | Passage> {
  const { request } = edge
  switch (request.path) {
    case '/_edge/session':
      switch (request.method) {
        case 'POST':
          refuseCrossSite(request, services.readers.isAllowed, services.config.cookies.sameSite)
          return mintSession(edge, services, now)
        case 'GET':
          return mintSession(edge, services, now)
        case 'DELETE':
          return endSession(request, services, now)
        case 'OPTIONS':
          return preflight(edge, services, sessionMethods)
        default:
          throw new MethodRefusal(sessionMethods)
      }
    case '/_edge/session/end':
      switch (request.method) {
        case 'GET':
          return endSessionAndReturn(request, services, now)
        case 'OPTIONS':
          return preflight(edge, services, endMethods)
        default:
          throw new MethodRefusal(endMethods)
      }
    default:
      if (request.path.startsWith('/_edge/')) throw new RequestError('ERR_NOT_FOUND')
      // A path of files is associated with this function, although CloudFront guards the files of this stage: refused.
      if (!services.config.gate) throw new RequestError('ERR_NOT_IMPLEMENTED')
      return guardFile(edge, services, now)
  }
}

function preflight({ request }: EdgeRequest, services: SessionServices, methods: string): HttpResponse {
  return preflightResponse(request.headers.origin, services.readers, methods)
}
