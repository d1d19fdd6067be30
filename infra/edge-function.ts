import { ids } from './names.ts'

/** Additions of the stack's `resources` to resources that the framework generates. */
export type Extensions = Record<string, Record<string, unknown>>

/**
 * The session function stays when the stack goes: CloudFront deletes its replicas hours later, and deleting the function
 * before that fails the whole removal.
 */
export const edgeFunctionExtensions: Extensions = {
  [ids.sessionFunction]: { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' },
}

/** The part of a generated template that holds functions. */
interface GeneratedTemplate {
  readonly Resources: Readonly<Record<string, { readonly Properties: Record<string, unknown> }>>
}

/**
 * Takes the framework's name off the session function, so that CloudFormation makes one. A function that a removed stack or a
 * failed first deploy left behind, because CloudFront has not deleted its replicas yet, is then in nobody's way.
 */
export function leaveNameToCloudFormation({ Resources }: GeneratedTemplate): void {
  delete Resources[ids.sessionFunction]?.Properties.FunctionName
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
