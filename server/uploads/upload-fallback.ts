import { createServer, type IncomingMessage, type Server } from 'node:http'
import { Metadata } from '@tus/server'
import { apiProblem } from '../../functions/api/problem.ts'
import type { ApiServices } from '../../functions/api/services.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import { EdgeSignerError, type ErrorCode } from '../../shared/errors.ts'
import { corsHeaders } from '../../shared/read/cors.ts'
import { publishedBy } from '../../shared/uploads/publish.ts'
import { verifyUploadToken } from '../../shared/uploads/upload-token.ts'
import { withFaults } from '../store/faults.ts'
import { readFacts } from '../store/fingerprint.ts'
import { takeBackBeginning } from '../store/incoming.ts'
import type { LocalLocation } from '../store/location.ts'
import {
  formatUploadMetadata,
  plainUploadMetadata,
  publicMetadata,
  requestIdHeader,
  tokenField,
} from '../store/metadata.ts'
import { readTicket } from '../store/tickets.ts'
import { incomingPath } from '../store/upload-end.ts'
import { uploadPath } from '../upload-paths.ts'

/** An answer without a body is one to `HEAD`. */
interface FallbackAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * Answers what the upload server could not, for either kind of it. nginx asks here:
 *
 * - `HEAD` where it says 404: an upload that has all of its bytes is known to this service alone. A client whose last answer was lost
 *   learns that it is done; one that was told, or asks 15 s after the upload was published or refused, that there is no such upload.
 * - `POST` where it says 500: it could not make the file, so the ticket that this request used up is given back.
 */
export function createUploadFallback(location: LocalLocation, services: ApiServices): Server {
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const answer = request.method === 'HEAD' ? headOf : creationFailed
    answer(request, location, services)
      .catch((error: unknown) => faultOf(error, request, services))
      .then(({ status, headers, body }) => {
        const cors = corsHeaders(request.headers.origin, services.readers)
        response.writeHead(status, { ...common, ...headers, ...Object.fromEntries(cors) }).end(body)
      })
      .catch(() => response.destroy())
  })
}

/** Seconds. */
const later = { 'retry-after': '5' }

const common = {
  'tus-resumable': '1.0.0',
  'cache-control': 'no-store',
  'access-control-expose-headers': 'Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Retry-After',
}

async function headOf(
  { url = '' }: IncomingMessage,
  location: LocalLocation,
  services: ApiServices,
): Promise<FallbackAnswer> {
  const now = services.now()
  const ticket = await withFaults(() => readTicket(location, url.split('?')[0]?.slice(uploadPath.length) ?? ''))
  if (ticket === undefined || now >= Math.min(ticket.upload.expiresAt, ticket.unknownFrom ?? now + 1)) {
    return answerWith('ERR_UPLOAD_NOT_FOUND')
  }
  const { upload } = ticket
  const arrived = await withFaults(() => readFacts(incomingPath(location, upload.id)))
  const isComplete = arrived !== undefined && arrived.size === upload.size
  if (!isComplete && (await publishedBy(upload, services.store)) === undefined)
    return answerWith('ERR_UPLOAD_NOT_FOUND')
  const size = String(upload.size)
  const metadata = formatUploadMetadata(publicMetadata(upload))
  return { status: 200, headers: { 'upload-length': size, 'upload-offset': size, 'upload-metadata': metadata } }
}

async function creationFailed(
  { headers }: IncomingMessage,
  location: LocalLocation,
  services: ApiServices,
): Promise<FallbackAnswer> {
  const upload = await ticketOf(headers['upload-metadata'], services)
  const requestId = headers[requestIdHeader]
  if (upload !== undefined && typeof requestId === 'string') {
    await withFaults(() => takeBackBeginning(location, upload.id, requestId))
  }
  return answerWith('ERR_STORE_UNAVAILABLE', later)
}

async function ticketOf(metadata: string | string[] | undefined, services: ApiServices): Promise<Upload | undefined> {
  const { stampKey } = await services.keys(services.now())
  try {
    return verifyUploadToken(Metadata.parse(plainUploadMetadata(String(metadata)))[tokenField] ?? '', stampKey)
  } catch {
    return undefined
  }
}

/** On `HEAD` clients take any 5xx for an upload that is lost, and begin again; 423 they ask again. */
function faultOf(error: unknown, { method }: IncomingMessage, { log }: ApiServices): Promise<FallbackAnswer> {
  const code = error instanceof EdgeSignerError ? error.code : 'ERR_INTERNAL'
  log({ level: 'error', event: 'upload-fallback-failed', code, reason: error instanceof Error ? error.message : '' })
  return answerWith(method === 'HEAD' ? 'ERR_UPLOAD_PAUSED' : 'ERR_STORE_UNAVAILABLE', later)
}

/** A problem; over `HEAD` Node leaves its body out. */
async function answerWith(code: ErrorCode, headers: Readonly<Record<string, string>> = {}): Promise<FallbackAnswer> {
  const problem = apiProblem(code)
  return {
    status: problem.status,
    headers: { ...Object.fromEntries(problem.headers), ...headers },
    body: await problem.text(),
  }
}
