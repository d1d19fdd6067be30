import { createS3Store } from '../../../../../shared/assets/s3/store.ts'
import { describeAssetStore } from '../../../../contract/asset-store.suite.ts'
import { createMemoryS3 } from '../../../../support/memory-s3.ts'

/** The contract of every store, on S3's documented answers; on a real server: test/e2e/s3/store.test.ts. */
function makeStore(keyPrefix: string, conditionalCopy: 'native' | 'multipart') {
  return async () => {
    const { client, bucket, deliver } = createMemoryS3()
    const store = createS3Store({ client, bucket, keyPrefix, conditionalCopy, ticketSeconds: 600 })
    return { store, deliver, stop: async () => {} }
  }
}

describeAssetStore('S3 in memory', makeStore('', 'native'))
describeAssetStore('S3 in memory below a key prefix, copying by parts', makeStore('assets/v1/', 'multipart'))
