import { UnsupportedConstructError } from '../../local-error.ts'

/** A CloudFormation template as parsed JSON. */
export interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default?: unknown }>>
  readonly Conditions?: Readonly<Record<string, unknown>>
  readonly Resources: Readonly<Record<string, TemplateResource>>
}

export interface TemplateResource {
  readonly Type: string
  readonly Condition?: string
  readonly Properties?: Readonly<Record<string, unknown>>
}

/** CloudFormation's pseudo parameters, with example values: the stack does not exist. The local hosts use the same account id. */
export const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::AccountId': '000000000000',
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::StackId': 'arn:aws:cloudformation:us-east-1:000000000000:stack/local/00000000-0000-0000-0000-000000000000',
  'AWS::StackName': 'local',
  'AWS::URLSuffix': 'amazonaws.com',
}

/**
 * Resolves the intrinsic functions of a value. A reference to a resource stays a reference, written as CloudFormation's own
 * `Fn::Sub` writes it: `${Bucket}` for `Ref`, `${Bucket.Arn}` for `GetAtt`. The readers of the template interpret it.
 *
 * @throws UnsupportedConstructError for an unknown function, naming the place.
 */
export function resolveIntrinsics(value: unknown, template: Template, place: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => resolveIntrinsics(item, template, `${place}[${index}]`))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [only] = entries
  if (entries.length === 1 && only !== undefined && (only[0] === 'Ref' || only[0].startsWith('Fn::'))) {
    return resolveFunction(only[0], only[1], template, place)
  }
  const kept = entries.map(([name, item]) => [name, resolveIntrinsics(item, template, `${place}.${name}`)] as const)
  return Object.fromEntries(kept.filter(([, item]) => item !== noValue))
}

/** `AWS::NoValue` removes the property that it is the value of. */
const noValue = Symbol('AWS::NoValue')

function resolveFunction(name: string, argument: unknown, template: Template, place: string): unknown {
  switch (name) {
    case 'Ref':
      return argument === 'AWS::NoValue' ? noValue : reference(String(argument), template, place)
    case 'Fn::GetAtt':
      return `\${${Array.isArray(argument) ? argument.join('.') : String(argument)}}`
    case 'Fn::Sub':
      return substitute(argument, template, place)
    case 'Fn::Join': {
      const [separator, items] = list(resolveIntrinsics(argument, template, place), place, name)
      return list(items, place, name).map(String).join(String(separator))
    }
    case 'Fn::Split': {
      const [separator, text] = list(resolveIntrinsics(argument, template, place), place, name)
      return String(text).split(String(separator))
    }
    case 'Fn::Select': {
      const [index, items] = list(resolveIntrinsics(argument, template, place), place, name)
      return list(items, place, name)[Number(index)]
    }
    default:
      throw new UnsupportedConstructError(place, `the emulation does not know ${name}`)
  }
}

function reference(name: string, template: Template, place: string): unknown {
  const pseudo = pseudoParameters[name]
  if (pseudo !== undefined) return pseudo
  const parameter = template.Parameters?.[name]
  // The default of an SSM parameter is the name of a parameter and not its value, so this stays a reference.
  if (parameter?.Default !== undefined && !parameter.Type.startsWith('AWS::SSM::')) return parameter.Default
  if (parameter === undefined && template.Resources[name] === undefined) {
    throw new UnsupportedConstructError(place, `Ref to ${name}, which is not in the template`)
  }
  return `\${${name}}`
}

function substitute(argument: unknown, template: Template, place: string): string {
  const [text, own] = Array.isArray(argument) ? (argument as [unknown, Record<string, unknown>]) : [argument, {}]
  return String(text).replace(/\$\{(!?)([^}]+)\}/g, (whole, literal: string, name: string) => {
    if (literal !== '') return `\${${name}}`
    if (Object.hasOwn(own, name)) return String(resolveIntrinsics(own[name], template, place))
    return name.includes('.') ? whole : String(reference(name, template, place))
  })
}

function list(value: unknown, place: string, name: string): unknown[] {
  if (!Array.isArray(value)) throw new UnsupportedConstructError(place, `${name} needs a list`)
  return value
}

/** Returns the logical id in `${Id}` or `${Id.Attribute}`; `undefined` if the text is not exactly one reference. */
export function referencedId(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  return /^\$\{([A-Za-z0-9]+)(\.[A-Za-z0-9.]+)?\}$/.exec(value)?.[1]
}
