import {
  type CloudFrontKeyValueStoreClient,
  DescribeKeyValueStoreCommand,
  ListKeysCommand,
  UpdateKeysCommand,
} from '@aws-sdk/client-cloudfront-keyvaluestore'
import type { KeyValues } from '../stores.ts'

/**
 * A KeyValueStore through the SDK. Its data API takes Signature Version 4A only: whoever makes the client must also import
 * `@aws-sdk/signature-v4a`.
 * https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_kvs_UpdateKeys.html
 */
export function createCloudFrontKeyValues(
  client: CloudFrontKeyValueStoreClient,
  KvsARN: string,
  options: { readonly abortSignal?: AbortSignal } = {},
): KeyValues {
  return {
    async list() {
      // The version first: a change between the two calls then makes the update fail, and not be lost.
      const { ETag = '' } = await client.send(new DescribeKeyValueStoreCommand({ KvsARN }), options)
      const entries = new Map<string, string>()
      let NextToken: string | undefined
      do {
        const command = new ListKeysCommand({ KvsARN, MaxResults: 50, ...(NextToken && { NextToken }) })
        const page = await client.send(command, options)
        for (const { Key, Value } of page.Items ?? []) if (Key !== undefined) entries.set(Key, Value ?? '')
        NextToken = page.NextToken
      } while (NextToken)
      return { entries, version: ETag }
    },
    async update({ puts, deletes }, IfMatch) {
      const Puts = [...puts].map(([Key, Value]) => ({ Key, Value }))
      const Deletes = deletes.map((Key) => ({ Key }))
      try {
        await client.send(new UpdateKeysCommand({ KvsARN, IfMatch, Puts, Deletes }), options)
        return 'updated'
      } catch (error) {
        if (error instanceof Error && error.name === 'ConflictException') return 'changed-meanwhile'
        throw error
      }
    },
  }
}
