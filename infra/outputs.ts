import type { Deployment } from '../shared/config/parse.ts'
import { bucketStatementTemplate } from './bucket.ts'
import { bucketKeyPolicyTemplate } from './kms.ts'
import { bucketReference, ids, secretName } from './names.ts'
import { keyGroupId, publicKeyIds } from './signing-keys.ts'
import { type Fragment, getAtt, ref } from './template.ts'

/** Outputs for the next steps; the framework adds the API's address (`HttpApiUrl`). */
export function outputsFragment(deployment: Deployment): Fragment {
  const { attach, bucket, bucketKmsKey, bucketRegion, enforcement, hosts, pages } = deployment.config
  return {
    Outputs: {
      BucketName: { Description: 'Bucket of the files', Value: bucketReference(deployment) },
      BucketRegion: { Description: 'Region of that bucket', Value: bucketRegion },
      Enforcement: { Description: 'Who checks the cookies', Value: enforcement },
      KeyValueStoreArn: {
        Description: 'KeyValueStore of the stamp key and the revoked prefixes',
        Value: getAtt(ids.keyValueStore, 'Arn'),
      },
      KeyGroupId: {
        Description: 'Key group that CloudFront verifies cookies and signed URLs with',
        Value: keyGroupId(),
      },
      PublicKeyIds: {
        Description: 'Public keys in that group at the last deploy; a rotation changes them',
        Value: publicKeyIds(),
      },
      KeysSecretName: { Description: 'Secret that holds the key document', Value: secretName(deployment) },
      SessionFunctionVersionArn: {
        Description: 'Lambda@Edge version for viewer-request on /_edge/session',
        Value: ref(ids.sessionVersion),
      },
      ...(attach ? attachOutputs(enforcement) : distributionOutputs()),
      ...(attach && pages.files
        ? {
            FilesPageResponseHeadersPolicyId: {
              Description: 'Response headers policy of /_edge/files/*',
              Value: ref(ids.filesPageHeaders),
            },
          }
        : {}),
      ...(attach && hosts.primary === null
        ? {}
        : {
            CdnHost: {
              Description: 'Name under which the files are served',
              Value: hosts.primary ?? getAtt(ids.distribution, 'DomainName'),
            },
          }),
      ...(bucketKmsKey === null
        ? {}
        : {
            BucketKeyPolicyToAdd: {
              Description: 'Statement that the policy of the KMS key of the existing bucket needs',
              Value: bucketKeyPolicyTemplate(deployment),
            },
          }),
      ...(bucket === null
        ? {}
        : {
            BucketPolicyToAdd: {
              Description: 'Statements that the policy of the existing bucket needs',
              Value: bucketStatementTemplate(deployment),
            },
          }),
    },
  }
}

function distributionOutputs(): NonNullable<Fragment['Outputs']> {
  return {
    DistributionId: { Description: 'Distribution', Value: ref(ids.distribution) },
    DistributionDomainName: {
      Description: 'Domain name of the distribution',
      Value: getAtt(ids.distribution, 'DomainName'),
    },
  }
}

/** Outputs for a distribution that is kept elsewhere (Terraform, CDK). */
function attachOutputs(enforcement: 'key-group' | 'gate'): NonNullable<Fragment['Outputs']> {
  return {
    GuardFunctionArn: {
      Description: 'CloudFront Function for viewer-request on every behaviour of the bucket',
      Value: getAtt(ids.guard, 'FunctionMetadata.FunctionARN'),
    },
    HeadersFunctionArn: {
      Description: 'CloudFront Function for viewer-response on public and private behaviours',
      Value: getAtt(ids.headers, 'FunctionMetadata.FunctionARN'),
    },
    ObjectsCachePolicyId: { Description: 'Cache policy of the bucket', Value: ref(ids.objectsCachePolicy) },
    PrivateResponseHeadersPolicyId: {
      Description: 'Response headers policy of private behaviours',
      Value: ref(ids.privateHeaders),
    },
    PublicResponseHeadersPolicyId: {
      Description: 'Response headers policy of /public/*',
      Value: ref(ids.publicHeaders),
    },
    PagesResponseHeadersPolicyId: {
      Description: 'Response headers policy of /_edge/pages/*',
      Value: ref(ids.pagesHeaders),
    },
    AnswersResponseHeadersPolicyId: {
      Description: 'Response headers policy of /_edge/session and /api/*',
      Value: ref(ids.answersHeaders),
    },
    OriginAccessControlId: {
      Description: 'Origin access control of the bucket origin',
      Value: getAtt(ids.originAccessControl, 'Id'),
    },
    ...(enforcement === 'gate'
      ? {}
      : { TrustedKeyGroupId: { Description: 'Key group that private behaviours trust', Value: keyGroupId() } }),
  }
}
