import { UnsupportedConstructError } from '../../local-error.ts'
import { resolveIntrinsics, type Template } from './intrinsics.ts'

/** Returns the properties of a resource with their intrinsic functions resolved. @throws UnsupportedConstructError for another type. */
export function resourceFields(template: Template, logicalId: string, type: string): Fields {
  const resource = template.Resources[logicalId]
  if (resource?.Type !== type) throw new UnsupportedConstructError(logicalId, `must be a resource of type ${type}`)
  if (resource.Condition !== undefined) {
    throw new UnsupportedConstructError(logicalId, 'conditions are not known before a deployment')
  }
  return new Fields(resolveIntrinsics(resource.Properties ?? {}, template, logicalId), logicalId)
}

/** Returns the logical ids of all resources of a type, in the template's order. */
export function resourcesOfType(template: Template, type: string): string[] {
  return Object.keys(template.Resources).filter((logicalId) => template.Resources[logicalId]?.Type === type)
}

/** The properties of one object in the template. Its errors name the place of the wrong property. */
export class Fields {
  readonly place: string
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: unknown, place: string) {
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new UnsupportedConstructError(place, 'must be an object')
    }
    this.#values = values as Record<string, unknown>
    this.place = place
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined
  }

  names(): string[] {
    return Object.keys(this.#values)
  }

  value(name: string): unknown {
    return this.#values[name]
  }

  fields(name: string): Fields {
    return new Fields(this.#values[name], `${this.place}.${name}`)
  }

  optionalFields(name: string): Fields | undefined {
    return this.has(name) ? this.fields(name) : undefined
  }

  /** Returns an empty list if the property is missing. */
  fieldsList(name: string): Fields[] {
    return this.#list(name).map((item, index) => new Fields(item, `${this.place}.${name}[${index}]`))
  }

  textList(name: string): string[] {
    return this.#list(name).map(String)
  }

  text(name: string): string {
    const value = this.#values[name]
    if (typeof value !== 'string' || value === '') throw this.#wrong(name, 'must be text')
    return value
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined
  }

  number(name: string): number {
    const value = Number(this.#values[name])
    if (!Number.isFinite(value)) throw this.#wrong(name, 'must be a number')
    return value
  }

  /** CloudFormation accepts `true` and `'true'`. */
  flag(name: string): boolean {
    const value = this.#values[name]
    return value === true || value === 'true'
  }

  choice(name: string, known: readonly string[]): string {
    const value = this.text(name)
    if (!known.includes(value)) throw this.#wrong(name, `the emulation knows ${known.join(', ')}`)
    return value
  }

  /** @throws UnsupportedConstructError if the property is present, because its effect would be missing. */
  refuse(name: string, reason: string): void {
    if (this.has(name)) throw this.#wrong(name, reason)
  }

  /** @throws UnsupportedConstructError for the first property that is not in the list. */
  refuseAllBut(known: readonly string[]): void {
    const unknown = Object.keys(this.#values).find((name) => !known.includes(name))
    if (unknown !== undefined) throw this.#wrong(unknown, 'the emulation cannot honour it')
  }

  #list(name: string): unknown[] {
    const value = this.#values[name] ?? []
    if (!Array.isArray(value)) throw this.#wrong(name, 'must be a list')
    return value
  }

  #wrong(name: string, reason: string): UnsupportedConstructError {
    return new UnsupportedConstructError(`${this.place}.${name}`, reason)
  }
}
