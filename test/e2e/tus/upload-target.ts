import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import config from '../../../edge-signer.config.ts'
import { readKeyDocument } from '../../../local/state/state-files.ts'
import { type RunningStage, type StageOptions, startStage } from '../../../server/start.ts'
import type { UploadServerKind } from '../../../server/uploads/upload-server.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import { createSessionMaker, type SessionMaker } from '../../support/session-maker.ts'
import { setUpTusd } from '../../support/upload-stage.ts'

/** The answer of `POST /api/uploads` on a local stage. */
export interface TusTicket {
  readonly uploadId: string
  readonly key: string
  readonly protocol: 'tus'
  readonly url: string
  readonly headers: Record<string, string>
  readonly metadata: Record<string, string>
}

/** The whole system with an upload server of one kind, in a folder of its own. */
export interface UploadTarget {
  readonly emulation: RunningStage
  readonly url: string
  readonly content: string
  readonly area: string
  readonly sessions: SessionMaker
  /** A request to the API as a user; `json` makes it a POST. */
  api(path: string, options?: { sub?: string; json?: unknown; method?: string }): Promise<Response>
  ticket(wish: { key: string; size: number; contentType?: string; [name: string]: unknown }): Promise<TusTicket>
  /** Reads through the edge with minted cookies; size and hash of what came. */
  readSigned(path: string): Promise<{ status: number; size: number; sha256: string; type: string | null }>
  stop(): Promise<void>
}

/** Starts it. */
export async function startUploadTarget(kind: UploadServerKind, options: StageOptions = {}): Promise<UploadTarget> {
  if (kind === 'tusd') await setUpTusd()
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-tus-'))
  const emulation = await startStage({
    port: 0,
    content: join(directory, 'content'),
    stateDirectory: join(directory, 'state'),
    tusd: kind === 'tusd',
    ...options,
  })
  const { url } = emulation
  const { session } = parseDeployment(config, 'local').config
  const secret = readKeyDocument(emulation.state).sessionSecret ?? ''
  const sessions = createSessionMaker({ secret, issuer: String(session.issuer), audience: String(session.audience) })
  const bearer = (sub: string) => ({ authorization: `Bearer ${sessions.session(sub)}` })
  const api: UploadTarget['api'] = (path, { sub = 'alice', json, method } = {}) =>
    fetch(`${url}/api${path}`, {
      method: method ?? (json === undefined ? 'GET' : 'POST'),
      headers: { ...bearer(sub), ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
  return {
    emulation,
    url,
    content: join(directory, 'content'),
    area: join(directory, 'content-uploads'),
    sessions,
    api,
    async ticket(wish) {
      const answer = await api('/uploads', { json: { contentType: 'application/octet-stream', ...wish } })
      if (answer.status !== 201) throw new Error(`ticket: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as TusTicket
    },
    async readSigned(path) {
      const minted = await fetch(`${url}/_edge/session`, { headers: bearer('alice') })
      const cookie = minted.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ')
      const answer = await fetch(url + path, { headers: { cookie } })
      const hash = createHash('sha256')
      let size = 0
      for await (const piece of answer.body ?? []) {
        hash.update(piece as Uint8Array)
        size += (piece as Uint8Array).length
      }
      return { status: answer.status, size, sha256: hash.digest('hex'), type: answer.headers.get('content-type') }
    },
    async stop() {
      await emulation.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
