import { UnsupportedConstructError } from '../local-error.ts'

/** Reads the properties of one object of the template, and names the place where one is not as expected. */
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

  /** An absent list is an empty one. */
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

  /** CloudFormation takes `true` and `'true'`. */
  flag(name: string): boolean {
    const value = this.#values[name]
    return value === true || value === 'true'
  }

  choice(name: string, known: readonly string[]): string {
    const value = this.text(name)
    if (!known.includes(value)) throw this.#wrong(name, `the emulation knows ${known.join(', ')}`)
    return value
  }

  /** Stops where the property is there: its effect would be missing. */
  refuse(name: string, reason: string): void {
    if (this.has(name)) throw this.#wrong(name, reason)
  }

  /** Stops at the first property that is in none of the lists. */
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
