import type { Deployment } from '../shared/config/parse.ts'
import { bucketFragment } from './bucket.ts'
import { type CloudFrontFunctionCode, cloudFrontFunctionsFragment } from './cloudfront-functions.ts'
import { cachePolicyFragment } from './distribution/cache-policy.ts'
import { distributionFragment } from './distribution/distribution.ts'
import { originAccessControlFragment } from './distribution/origins.ts'
import { responseHeadersPolicyFragment } from './distribution/response-headers-policy.ts'
import { type Extensions, edgeFunctionExtensions } from './edge-function.ts'
import { keyFunctionExtensions } from './key-functions.ts'
import { keyValueStoreFragment } from './key-value-store.ts'
import { accessLogsFragment } from './operations/access-logs.ts'
import { alarmsFragment } from './operations/alarms.ts'
import { dashboardFragment } from './operations/dashboard.ts'
import { outputsFragment } from './outputs.ts'
import { publishRuleFragment, regionalFunctionExtensions } from './regional-functions.ts'
import { rolesFragment } from './roles.ts'
import { signingKeysFragment } from './signing-keys.ts'
import { composeFragments, type Fragment } from './template.ts'

/** The `resources` section of serverless.yml. */
export interface StackResources extends Required<Fragment> {
  readonly extensions: Extensions
}

/** Everything in the stack beside the functions and their API, which `serverless.yml` declares. */
export function composeResources(deployment: Deployment, code: CloudFrontFunctionCode): StackResources {
  const template = composeFragments([
    signingKeysFragment(deployment),
    bucketFragment(deployment),
    cachePolicyFragment(deployment),
    responseHeadersPolicyFragment(deployment),
    originAccessControlFragment(deployment),
    keyValueStoreFragment(deployment),
    cloudFrontFunctionsFragment(deployment, code),
    rolesFragment(deployment),
    publishRuleFragment(deployment),
    distributionFragment(deployment),
    accessLogsFragment(deployment),
    alarmsFragment(deployment),
    dashboardFragment(deployment),
    outputsFragment(deployment),
  ])
  return {
    ...template,
    extensions: {
      ...edgeFunctionExtensions,
      ...regionalFunctionExtensions(deployment),
      ...keyFunctionExtensions(deployment),
    },
  }
}
