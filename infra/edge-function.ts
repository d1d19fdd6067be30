import type { Deployment } from '../shared/config/parse.ts'
import { ids, sessionFunctionName } from './names.ts'

/** What the stack's `resources` add to resources that the framework generates. */
export type Extensions = Record<string, Record<string, unknown>>

/**
 * The session function stays when the stack goes: CloudFront deletes its replicas hours later, and deleting the function
 * before that fails the whole removal.
 */
export function edgeFunctionExtensions(deployment: Deployment): Extensions {
  return {
    [ids.sessionFunction]: {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { FunctionName: sessionFunctionName(deployment) },
    },
  }
}

/**
 * Puts the logical id of the published version in the place of `SessionFunctionVersion`: a distribution must name a numbered
 * version, and the framework makes a new logical id whenever code or settings change.
 */
export function referToVersion<T>(resources: T, versionLogicalId: string): T {
  return JSON.parse(
    JSON.stringify(resources, (key, value) =>
      key === 'Ref' && value === ids.sessionVersion ? versionLogicalId : (value as unknown),
    ),
  ) as T
}
