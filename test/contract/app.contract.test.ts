import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningStage, startStage } from '../../server/start.ts'
import { send } from '../support/http-client.ts'
import { missingParts } from '../support/parts.ts'
import { writeContent } from './content.ts'

/** An app at `appOrigin`: what it answers belongs to it, refusals included. */

const refusal = JSON.stringify({ error: 'you may not do that', n: 'x'.repeat(200) })

function startApp(): Promise<Server> {
  const answer = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await request.toArray())
  const server = createServer(async (request, response) => {
    const body = await answer(request)
    const status = Number(/^\/status\/(\d{3})$/.exec(request.url ?? '')?.[1] ?? 404)
    response.writeHead(status, {
      'content-type': 'application/vnd.app+json',
      'cache-control': 'private, max-age=7',
      'x-app': `${request.method} ${body.length}`,
      etag: '"app-1"',
    })
    response.end(refusal)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const missing = missingParts()

describe.each(['key-group', 'gate'] as const)('the app behind other paths, %s', (enforcement) => {
  const name = missing.length === 0 ? 'its answers' : `its answers: needs ${missing.join(', ')}`
  describe.skipIf(missing.length > 0)(name, () => {
    let directory = ''
    let app: Server | undefined
    let emulation: RunningStage | undefined
    const base = () => emulation?.url ?? ''
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'edge-signer-app-'))
      const content = join(directory, 'content')
      mkdirSync(content)
      writeContent(content)
      app = await startApp()
      emulation = await startStage({
        port: 0,
        content,
        stateDirectory: join(directory, 'state'),
        enforcement,
        app: `http://127.0.0.1:${(app.address() as AddressInfo).port}`,
      })
    })
    afterAll(async () => {
      await emulation?.stop()
      app?.close()
      if (directory !== '') rmSync(directory, { recursive: true, force: true })
    })

    it.each([401, 403, 404, 410, 500, 503])(
      'arrive as they are with status %d, for GET, HEAD and POST',
      async (status) => {
        for (const [method, body] of [
          ['GET', undefined],
          ['HEAD', undefined],
          ['POST', 'a=1'],
          ['PUT', 'abc'],
          ['DELETE', undefined],
        ] as const) {
          const sent = body === undefined ? {} : { body }
          const answer = await send(base(), { method, path: `/status/${status}`, ...sent })
          expect([method, answer.status, answer.text]).toEqual([method, status, method === 'HEAD' ? '' : refusal])
          expect(answer.headers).toMatchObject({
            'content-type': 'application/vnd.app+json',
            'cache-control': 'private, max-age=7',
            'x-app': `${method} ${body?.length ?? 0}`,
            etag: '"app-1"',
          })
        }
      },
    )

    it('are not needed on the paths of Edge Signer itself', async () => {
      const file = await send(base(), { path: '/users/alice/disk.bin' })
      expect([file.status, file.headers['x-app'], file.text.includes('/_edge/session')]).toEqual([
        enforcement === 'gate' ? 401 : 403,
        undefined,
        false,
      ])
    })
  })
})

it.skipIf(missing.length > 0)('an error page beside an app is refused when packaging, with the choice', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-app-'))
  try {
    const options = { port: 0, stateDirectory: directory, app: 'http://127.0.0.1:9', bootstrap: 'error-page' as const }
    await expect(startStage({ ...options, enforcement: 'key-group' })).rejects.toThrow(
      /bootstrap: error-page would replace .*enforcement: 'gate'.*\/_edge\/session/s,
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
