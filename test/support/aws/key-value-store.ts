import type { AwsAnswer, AwsRequest } from '../../../local/aws/network.ts'
import { pseudoParameters } from '../../../local/cloudfront/template/intrinsics.ts'
import type { KeyValues } from '../../../shared/revocation/stores.ts'

/** ARN of the only KeyValueStore. Its client reads the account from it. */
export const keyValueStoreArn = `arn:aws:cloudfront::${pseudoParameters['AWS::AccountId']}:key-value-store/00000000-0000-0000-0000-000000000000`

/** Bytes of a key and of a value ("Quotas on key value stores", CloudFront Developer Guide). */
const maxKeyBytes = 512
const maxValueBytes = 1024
const maxKeysAtOnce = 50

/**
 * The KeyValueStore's data API, as far as a writer of revocations uses it.
 * https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Operations_Amazon_CloudFront_KeyValueStore.html
 */
export async function answerKeyValueStore(request: AwsRequest, keyValues: KeyValues): Promise<AwsAnswer> {
  const { method, query, headers } = request
  // Signature Version 4A and no other: a client without it fails here as it does there.
  if (!headers.authorization?.startsWith('AWS4-ECDSA-P256-SHA256 Credential=')) {
    return failure(403, 'AccessDeniedException')
  }
  const store = `/key-value-stores/${keyValueStoreArn}`
  const path = decodeURIComponent(request.path)
  const { entries, version } = await keyValues.list()
  if (path === store && method === 'GET') {
    return success({ KvsARN: keyValueStoreArn, ItemCount: entries.size, TotalSizeInBytes: 0, Created: 0 }, version)
  }
  if (path === `${store}/keys` && method === 'GET') {
    const first = Number(query.get('NextToken') ?? 0)
    const end = first + Number(query.get('MaxResults') ?? 10)
    const Items = [...entries].slice(first, end).map(([Key, Value]) => ({ Key, Value }))
    return success({ Items, ...(end < entries.size ? { NextToken: String(end) } : {}) }, version)
  }
  if (path === `${store}/keys` && method === 'POST') return updateKeys(request, keyValues)
  return failure(404, 'ResourceNotFoundException')
}

async function updateKeys({ headers, body }: AwsRequest, keyValues: KeyValues): Promise<AwsAnswer> {
  const { Puts = [], Deletes = [] } = JSON.parse(body.toString('utf8')) as {
    Puts?: { Key: string; Value: string }[]
    Deletes?: { Key: string }[]
  }
  const isTooLong = ({ Key, Value }: { Key: string; Value: string }) =>
    Buffer.byteLength(Key) > maxKeyBytes || Buffer.byteLength(Value) > maxValueBytes
  if (Puts.length + Deletes.length > maxKeysAtOnce || Puts.some(isTooLong)) return failure(400, 'ValidationException')
  const change = {
    puts: new Map(Puts.map(({ Key, Value }) => [Key, Value])),
    deletes: Deletes.map(({ Key }) => Key),
  }
  if ((await keyValues.update(change, headers['if-match'] ?? '')) !== 'updated')
    return failure(409, 'ConflictException')
  const { entries, version } = await keyValues.list()
  return success({ ItemCount: entries.size, TotalSizeInBytes: 0 }, version)
}

function success(body: object, version: string): AwsAnswer {
  return { status: 200, headers: { 'content-type': 'application/json', etag: version }, body: JSON.stringify(body) }
}

function failure(status: number, type: string): AwsAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': type },
    body: JSON.stringify({ message: type }),
  }
}
