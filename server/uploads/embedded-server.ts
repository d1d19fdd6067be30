import { createServer, type IncomingMessage, type Server } from 'node:http'
import { FileStore } from '@tus/file-store'
import { Server as TusServer } from '@tus/server'
import type { OriginCheck } from '../../shared/read/cors.ts'
import { plainUploadMetadata } from '../store/metadata.ts'
import { uploadPath } from '../upload-paths.ts'
import { type UploadRefusal, uploadRefusal } from './tusd-hooks-host.ts'
import type { UploadHooks } from './upload-hooks.ts'

/** The embedded upload server. */
export interface EmbeddedServerOptions {
  readonly hooks: UploadHooks
  /** Where bytes arrive. */
  readonly directory: string
  readonly maxBytes: number
  readonly isAllowedOrigin: OriginCheck
  readonly log: (entry: Readonly<Record<string, unknown>>) => void
}

/** Speaks the tus protocol in Node, for machines without tusd. Asks the same hooks at the same steps. */
export function createEmbeddedServer(options: EmbeddedServerOptions): Server {
  const { hooks, directory, maxBytes, isAllowedOrigin, log } = options
  const refuse = async (error: unknown): Promise<never> => {
    throw new RefusedUpload(await uploadRefusal(error, log))
  }
  const ids = new WeakMap<object, Record<string, string>>()
  const tus = new ProblemServer({
    path: uploadPath.slice(0, -1),
    datastore: new FileStore({ directory }),
    maxSize: maxBytes,
    respectForwardedHeaders: true,
    allowedOrigins: isAllowedOrigin,
    allowedCredentials: true,
    // The server names the upload before anything else; so this is where it is allowed.
    namingFunction: async (request, metadata) => {
      const length = request.headers.get('upload-length')
      const allowed = await hooks
        .create({
          metadata: textOnly(metadata ?? {}),
          size: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined,
          headers: Object.fromEntries(request.headers),
        })
        .catch(refuse)
      ids.set(request, allowed.metadata)
      return allowed.id
    },
    onUploadCreate: async (request) => ({ metadata: ids.get(request) ?? {} }),
    onIncomingRequest: async (request, id) => {
      if (request.method === 'DELETE') await hooks.terminate(id, Object.fromEntries(request.headers)).catch(refuse)
    },
    onUploadFinish: async (_request, { id }) => {
      await hooks.finish(id).catch(refuse)
      return {}
    },
    onResponseError: (_request, error) => (error instanceof RefusedUpload ? error : undefined),
  })
  tus.on('POST_FINISH', (_request, _response, { id }) => void hooks.finished(id))
  return createServer({ maxHeaderSize: 128 * 1024, requestTimeout: 0 }, (request, response) => {
    // The library would hand out the bytes to whoever knows the id, past every check of the read path.
    if (request.method === 'GET') return void response.writeHead(405, { allow: 'POST, HEAD, PATCH, DELETE' }).end()
    void tus.handle(asLibraryReads(request), response)
  })
}

/**
 * A request as the library understands it. It does not know the override of the method, for clients that can only send GET and POST
 * (https://tus.io/protocols/resumable-upload#x-http-method-override), and takes no space behind the commas of metadata.
 */
function asLibraryReads(request: IncomingMessage): IncomingMessage {
  const override = request.headers['x-http-method-override']
  if (request.method === 'POST' && (override === 'PATCH' || override === 'DELETE')) request.method = override
  const { 'upload-metadata': metadata } = request.headers
  if (typeof metadata === 'string') {
    const plain = plainUploadMetadata(metadata)
    request.headers['upload-metadata'] = plain
    // The library reads the one or the other.
    const { rawHeaders } = request
    for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
      if (rawHeaders[at]?.toLowerCase() === 'upload-metadata') rawHeaders.splice(at, 2)
    }
    rawHeaders.push('Upload-Metadata', plain)
  }
  return request
}

/** The library writes every error as plain text. */
class ProblemServer extends TusServer {
  override write(
    ...[context, headers, status, body = '']: Parameters<TusServer['write']>
  ): ReturnType<TusServer['write']> {
    if (body.startsWith('{')) {
      headers.set('Content-Type', 'application/problem+json')
      headers.set('Cache-Control', 'no-store')
    }
    return super.write(context, headers, status, body)
  }
}

/** How the library takes an answer: as an error with a status and a body. */
class RefusedUpload extends Error {
  readonly status_code: number
  readonly body: string
  constructor({ status, body }: UploadRefusal) {
    super('upload refused')
    this.status_code = status
    this.body = body
  }
}

function textOnly(metadata: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, value ?? '']))
}
