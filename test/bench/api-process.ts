/** The API over an S3 server, alone in a process, so that its memory is its own. The parent asks over IPC and ends it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { S3Client } from '@aws-sdk/client-s3'
import { getRequestListener } from '@hono/node-server'
import { createApp } from '../../functions/api/app.ts'
import { s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import { createTestApi } from '../support/api.ts'

/** The only argument, in JSON, from the parent process. */
export interface ApiProcessSettings {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** Messages to the parent: first the address and a session, then, for each request, the peak so far. */
export type ApiProcessMessage = { readonly url: string; readonly session: string } | { readonly peakBytes: number }

const { bucket, ...connection } = JSON.parse(process.argv[2] ?? '') as ApiProcessSettings
const client = new S3Client({ ...s3ClientDefaults, ...connection, forcePathStyle: true })
const store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
const { services, sessions } = createTestApi(store)
const server = createServer(getRequestListener(createApp(services).fetch)).listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('no port')

const tell = (message: ApiProcessMessage) => process.send?.(message)
tell({ url: `http://127.0.0.1:${address.port}`, session: sessions.session('alice') })
process.on('message', () => tell({ peakBytes: process.resourceUsage().maxRSS * 1024 }))
process.on('disconnect', () => process.exit(0))
