import { CloudFrontKeyValueStoreClient } from '@aws-sdk/client-cloudfront-keyvaluestore'
// The KeyValueStore's data API takes Signature Version 4A only; importing the package is what gives it to the client.
import '@aws-sdk/signature-v4a'
import { createCloudFrontKeyValues } from '../../shared/revocation/aws/cloudfront-key-values.ts'
import type { KeyValues } from '../../shared/revocation/stores.ts'

/** The KeyValueStore that the guard reads. Imported when it is needed: a cold start must not pay for what administrators use. */
export function openKeyValues(arn: string): KeyValues {
  return createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient({ region: 'us-east-1' }), arn)
}
