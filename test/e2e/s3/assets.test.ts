import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { openAssets, type S3AssetsConfig } from '../../../package/server.ts'
import { describeAssetStore } from '../../contract/asset-store.suite.ts'
import { describeAssets } from '../../contract/assets.suite.ts'
import { deliverRequest } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { startS3Server } from '../../support/s3-server.ts'

/** The server ignores `If-None-Match` on CopyObject; its CompleteMultipartUpload honours it, and decides races. */
async function open(changes: Partial<S3AssetsConfig> = {}) {
  const server = await startS3Server()
  const { bucket, region, endpoint, credentials } = server
  const assets = await openAssets({
    backend: 's3',
    bucket,
    region,
    conditionalCopy: 'multipart',
    publicBaseUrl: 'https://cdn.example.com',
    s3: { endpoint, credentials, forcePathStyle: true },
    ...changes,
  })
  return { server, assets }
}

describeOnS3('a real S3 server', () => {
  describeAssets('S3', async () => {
    const { server, assets } = await open()
    return {
      assets,
      hasCdn: false,
      deliver: ({ method, url, headers }, body) =>
        deliverRequest({ method: method === 'PUT' ? 'PUT' : 'POST', url, headers, expiresAt: 0 }, body),
      async leftovers() {
        const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }))
        return Uploads.map(({ Key = '' }) => Key)
      },
      async stop() {
        assets.close()
        await server.stop()
      },
    }
  })

  describeAssetStore('S3 through the library, below a key prefix', async () => {
    const { server, assets } = await open({ keyPrefix: 'assets/v1' })
    return { store: assets.store, deliver: deliverRequest, stop: server.stop }
  })
})
