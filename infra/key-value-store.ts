import type { Deployment } from '../shared/config/parse.ts'
import { ids, resourceName } from './names.ts'
import type { Fragment } from './template.ts'

/** Store of the stamp key and the revoked prefixes, for the guard. Its content is written after the deploy, never by the template. */
export function keyValueStoreFragment(deployment: Deployment): Fragment {
  return {
    Resources: {
      [ids.keyValueStore]: {
        Type: 'AWS::CloudFront::KeyValueStore',
        Properties: { Name: resourceName(deployment, 'revocations'), Comment: 'Stamp key and revoked prefixes' },
      },
    },
  }
}
