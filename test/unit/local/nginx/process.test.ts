import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NginxLog, startNginx } from '../../../../local/nginx/process.ts'
import { holdPort } from '../../../../local/process/ports.ts'
import { missingParts, requireParts } from '../../../support/parts.ts'

const silent: NginxLog = { logError: () => {}, loggedPath: () => '' }

const missing = missingParts()

describe.skipIf(missing.length > 0)(
  `starting nginx${missing.length > 0 ? `: needs ${missing.join(', ')}` : ''}`,
  () => {
    let directory: string
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'edge-signer-nginx-'))
      for (const folder of ['logs', 'temp']) mkdirSync(join(directory, folder))
    })
    afterAll(() => rmSync(directory, { recursive: true, force: true }))

    const configure = (port: number) => {
      const temp = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(
        (name) => `${name}_temp_path ${directory}/temp/${name};`,
      )
      writeFileSync(
        join(directory, 'nginx.conf'),
        `daemon off; pid ${directory}/nginx.pid; error_log stderr; events {}
       http { access_log off; ${temp.join(' ')} server { listen 127.0.0.1:${port}; return 204; } }`,
      )
    }

    it('listens when it says so', async () => {
      const held = await holdPort(0, false)
      configure(held.port)
      const nginx = await startNginx(requireParts().nginx, directory, held, silent)
      const { status } = await fetch(`http://127.0.0.1:${held.port}/`)
      await nginx.stop()
      expect(status).toBe(204)
    })

    it('does not take the server of somebody else for its own', async () => {
      const held = await holdPort(0, false)
      configure(held.port)
      const stranger = createServer((_, response) => response.writeHead(404).end())
      // Somebody is quicker in the moment between letting go and listening.
      const release = async () => {
        await held.release()
        await new Promise<void>((resolve) => stranger.listen(held.port, '127.0.0.1', resolve))
      }
      const starting = startNginx(requireParts().nginx, directory, { port: held.port, release }, silent)
      await expect(starting).rejects.toThrow(/nginx ended at its start[\s\S]*Address already in use/)
      stranger.close()
    })
  },
)
