/** An error as the SDK throws it: told apart by its name. */
export class AwsFault extends Error {
  override readonly name: string
  readonly $fault: 'client' | 'server'
  readonly $metadata: { readonly httpStatusCode: number }

  constructor(name: string, httpStatusCode = 400) {
    super(`${name} of the AWS in memory`)
    this.name = name
    this.$fault = httpStatusCode >= 500 ? 'server' : 'client'
    this.$metadata = { httpStatusCode }
  }
}

/** The input of a command, whose fields each operation reads as its own. */
export type Input = Readonly<Record<string, unknown>>

/** One operation: reads or changes the state at once, as one request to AWS does. `now`: epoch milliseconds at AWS. */
export type Operation = (input: Input, now: number) => object

/** A field that holds a text. */
export function textOf(input: Input, field: string): string {
  const value = input[field]
  if (typeof value !== 'string') throw new AwsFault('ValidationException')
  return value
}
