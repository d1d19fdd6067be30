import {
  type AwsRequest,
  interceptHttps,
  type LocalAws,
  localServices,
  setRoleCredentials,
} from '../../../local/aws/network.ts'
import { createLocalRevocations, type RevocationPlace } from '../../../local/state/revocation-stores.ts'
import { answerKeyValueStore } from './key-value-store.ts'
import { answerStateObject } from './state-object.ts'

/**
 * Stands in for AWS in this process. There are the secret, the state object and the KeyValueStore; any other host is a network
 * that is not there.
 *
 * @param socketPath where this process may listen.
 */
export function interceptAws(aws: LocalAws, place: RevocationPlace, socketPath: string): void {
  const stores = createLocalRevocations(place)
  const services = {
    ...localServices(aws),
    [`${aws.bucket}.s3.${aws.bucketRegion}.amazonaws.com`]: (request: AwsRequest) =>
      answerStateObject(request, stores.state),
    '000000000000.cloudfront-kvs.global.api.aws': (request: AwsRequest) =>
      answerKeyValueStore(request, stores.keyValues),
  }
  interceptHttps(services, socketPath)
  setRoleCredentials(process.env)
}
