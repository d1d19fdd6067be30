/** One resource of a CloudFormation template. */
export interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
  /** Kept when the stack goes, but not when making it is rolled back: the next try would find the name taken. */
  readonly DeletionPolicy?: 'RetainExceptOnCreate'
  readonly UpdateReplacePolicy?: 'Retain'
  readonly DependsOn?: readonly string[]
}

/** A part of a CloudFormation template that one file contributes. */
export interface Fragment {
  readonly Parameters?: Readonly<Record<string, unknown>>
  readonly Resources?: Readonly<Record<string, Resource>>
  readonly Outputs?: Readonly<Record<string, { readonly Description: string; readonly Value: unknown }>>
}

/** `Ref` of a resource, parameter or pseudo parameter. */
export function ref(logicalId: string): { Ref: string } {
  return { Ref: logicalId }
}

/** One attribute of a resource. */
export function getAtt(logicalId: string, attribute: string): { 'Fn::GetAtt': [string, string] } {
  return { 'Fn::GetAtt': [logicalId, attribute] }
}

/** Text with `${…}` references in it. */
export function sub(text: string): { 'Fn::Sub': string } {
  return { 'Fn::Sub': text }
}

/** Joins fragments; two of one name are a mistake in this project, not in a configuration. */
export function composeFragments(fragments: readonly Fragment[]): Required<Fragment> {
  const template = { Parameters: {}, Resources: {}, Outputs: {} }
  for (const fragment of fragments) {
    for (const section of ['Parameters', 'Resources', 'Outputs'] as const) {
      for (const [name, value] of Object.entries(fragment[section] ?? {})) {
        if (Object.hasOwn(template[section], name)) throw new Error(`${section}.${name} is defined twice`)
        Object.assign(template[section], { [name]: value })
      }
    }
  }
  return template
}
