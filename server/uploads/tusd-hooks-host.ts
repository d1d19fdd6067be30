import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import * as v from 'valibot'
import { apiProblem } from '../../functions/api/problem.ts'
import { EdgeSignerError, type ErrorCode } from '../../shared/errors.ts'
import type { UploadHooks } from './upload-hooks.ts'

/** What tusd sends (https://tus.github.io/tusd/advanced-topics/hooks/), as far as it counts here. */
const hookRequest = v.object({
  Type: v.string(),
  Event: v.object({
    Upload: v.object({
      ID: v.string(),
      Size: v.number(),
      SizeIsDeferred: v.boolean(),
      MetaData: v.nullish(v.record(v.string(), v.string())),
      IsPartial: v.boolean(),
      IsFinal: v.boolean(),
    }),
    HTTPRequest: v.object({ Header: v.nullish(v.record(v.string(), v.array(v.string()))) }),
  }),
})
type HookRequest = v.InferOutput<typeof hookRequest>

/** The hooks of a tusd. */
export interface TusdHooksOptions {
  readonly hooks: UploadHooks
  /** The only path that is served. tusd calls over TCP, so whoever is on this machine can reach the port. */
  readonly path: string
  readonly log: (entry: Readonly<Record<string, unknown>>) => void
}

const bodyLimit = 256 * 1024

/**
 * Serves tusd's HTTP hooks. Refusals are told with 200: tusd takes any other status for a hook that is broken, asks again and
 * answers the client 500.
 *
 * A caller that is not tusd and knows the path gains nothing by it: the token decides about a creation, and of a file only the id
 * is taken from the caller; what is published is what lies on disk, compared with its declaration.
 */
export function createTusdHooksHost(options: TusdHooksOptions): Server {
  return createServer((request, response) => {
    answer(request, options).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      },
      (error: unknown) => {
        options.log({ level: 'error', event: 'hook-failed', name: error instanceof Error ? error.name : typeof error })
        response.writeHead(500, { 'content-type': 'application/json' }).end('{}')
      },
    )
  })
}

/**
 * Tells a hooks host of a finished upload, as tusd does. What fails is logged: the API's process finds the upload when it clears up,
 * within a minute.
 */
export async function tellFinished(hooksUrl: string, id: string, log: TusdHooksOptions['log']): Promise<void> {
  const Upload = { ID: id, Size: 0, SizeIsDeferred: false, IsPartial: false, IsFinal: false }
  const call: HookRequest = { Type: 'post-finish', Event: { Upload, HTTPRequest: {} } }
  try {
    const { status } = await fetch(hooksUrl, { method: 'POST', body: JSON.stringify(call) })
    if (status !== 200) throw new Error(`the hook answered ${status}`)
  } catch (error) {
    log({ level: 'warn', event: 'hook-failed', upload: id, name: error instanceof Error ? error.name : typeof error })
  }
}

async function answer(request: IncomingMessage, { hooks, path, log }: TusdHooksOptions) {
  if (!isSame(request.url ?? '', path)) return { status: 404, body: {} }
  if (request.method !== 'POST') return { status: 405, body: {} }
  const parsed = v.safeParse(hookRequest, await readJson(request))
  if (!parsed.success) return { status: 400, body: {} }
  return { status: 200, body: await runHook(parsed.output, hooks, log) }
}

async function runHook(
  { Type, Event }: HookRequest,
  hooks: UploadHooks,
  log: TusdHooksOptions['log'],
): Promise<object> {
  const { ID: id, Size, SizeIsDeferred, MetaData, IsPartial, IsFinal } = Event.Upload
  const headers = headersOf(Event)
  try {
    switch (Type) {
      case 'pre-create': {
        const pieces = IsPartial || IsFinal ? { 'upload-concat': 'partial' } : {}
        const size = SizeIsDeferred ? undefined : Size
        const allowed = await hooks.create({ metadata: MetaData ?? {}, size, headers: { ...headers, ...pieces } })
        return { ChangeFileInfo: { ID: allowed.id, MetaData: allowed.metadata } }
      }
      case 'pre-finish':
        await hooks.finish(id)
        return {}
      case 'post-finish':
        await hooks.finished(id)
        return {}
      case 'pre-terminate':
        await hooks.terminate(id, headers)
        return {}
      default:
        return {}
    }
  } catch (error) {
    const refusal = await uploadRefusal(error, log)
    return { HTTPResponse: httpResponse(refusal), RejectUpload: true, RejectTermination: true }
  }
}

/** tusd sets headers by the names that it is given, and would send a name of another spelling beside its own. */
function httpResponse({ status, headers, body }: UploadRefusal) {
  const canonical = (name: string) => name.replace(/(?<![^-])[a-z]/g, (letter) => letter.toUpperCase())
  const Header = Object.fromEntries(Object.entries(headers).map(([name, value]) => [canonical(name), value]))
  return { StatusCode: status, Header, Body: body }
}

function headersOf({ HTTPRequest }: HookRequest['Event']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(HTTPRequest.Header ?? {}).map(([name, values]) => {
      const lower = name.toLowerCase()
      return [lower, values.join(lower === 'cookie' ? '; ' : ', ')]
    }),
  )
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += (part as Buffer).length
    if (size > bodyLimit) return undefined
    parts.push(part as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch {
    return undefined
  }
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** A refusal as it travels through an upload server to the client: an RFC 9457 problem. */
export interface UploadRefusal {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** The refusal for what a hook threw. What nobody threw on purpose is a 500 that says nothing. */
export async function uploadRefusal(
  error: unknown,
  log: (entry: Readonly<Record<string, unknown>>) => void,
): Promise<UploadRefusal> {
  const code: ErrorCode = error instanceof EdgeSignerError ? error.code : 'ERR_INTERNAL'
  const problem = apiProblem(code)
  if (problem.status >= 500) {
    log({ level: 'error', code, reason: error instanceof EdgeSignerError ? error.message : String(error) })
  }
  return {
    status: problem.status,
    headers: Object.fromEntries(problem.headers),
    body: await problem.text(),
  }
}
