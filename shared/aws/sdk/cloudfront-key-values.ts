import {
  CloudFrontKeyValueStoreClient,
  DescribeKeyValueStoreCommand,
  ListKeysCommand,
  UpdateKeysCommand,
} from '@aws-sdk/client-cloudfront-keyvaluestore'
// Registers Signature Version 4A, the only one that the data API of KeyValueStores accepts.
import '@aws-sdk/signature-v4a'
import type { KeyValues } from '../../revocation/stores.ts'

/**
 * Opens a KeyValueStore through the SDK.
 * https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_kvs_UpdateKeys.html
 */
export function createCloudFrontKeyValues(
  client: CloudFrontKeyValueStoreClient,
  KvsARN: string,
  options: { readonly abortSignal?: AbortSignal } = {},
): KeyValues {
  async function readVersion(): Promise<string> {
    const { ETag = '' } = await client.send(new DescribeKeyValueStoreCommand({ KvsARN }), options)
    return ETag
  }

  return {
    async list() {
      // The version first: a change between the two calls then makes the update fail, and not be lost.
      const version = await readVersion()
      const entries = new Map<string, string>()
      let NextToken: string | undefined
      do {
        const command = new ListKeysCommand({ KvsARN, MaxResults: 50, ...(NextToken && { NextToken }) })
        const page = await client.send(command, options)
        for (const { Key, Value } of page.Items ?? []) if (Key !== undefined) entries.set(Key, Value ?? '')
        NextToken = page.NextToken
      } while (NextToken)
      return { entries, version }
    },
    async update({ puts, deletes }, IfMatch) {
      const Puts = [...puts].map(([Key, Value]) => ({ Key, Value }))
      const Deletes = deletes.map((Key) => ({ Key }))
      try {
        await client.send(new UpdateKeysCommand({ KvsARN, IfMatch, Puts, Deletes }), options)
        return 'updated'
      } catch (error) {
        if (!(error instanceof Error)) throw error
        if (error.name === 'ConflictException') return 'changed-meanwhile'
        // A stale ETag is reported as a validation error, too; the store's version tells it from the others.
        if (error.name === 'ValidationException' && (await readVersion()) !== IfMatch) return 'changed-meanwhile'
        throw error
      }
    },
  }
}

/** Opens the KeyValueStore of a deployed stage, with the credentials of the environment. */
export function openKeyValues(arn: string): KeyValues {
  return createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient({ region: 'us-east-1' }), arn)
}
