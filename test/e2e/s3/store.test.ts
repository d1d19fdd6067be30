import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { describeAssetStore } from '../../contract/asset-store.suite.ts'
import { deliverRequest } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { startS3Server } from '../../support/s3-server.ts'

/** The server ignores `If-None-Match` on CopyObject; its CompleteMultipartUpload honours it, and decides races. */
function makeStore(keyPrefix: string, conditionalCopy: 'native' | 'multipart') {
  return async () => {
    const { client, bucket, stop } = await startS3Server()
    const store = createS3Store({ client, bucket, keyPrefix, conditionalCopy, ticketSeconds: 600 })
    return { store, stop, deliver: deliverRequest }
  }
}

describeOnS3('a real S3 server', () => {
  describeAssetStore('S3', makeStore('', 'native'), false)
  describeAssetStore('S3 below a key prefix, copying by parts', makeStore('assets/v1/', 'multipart'))
})
