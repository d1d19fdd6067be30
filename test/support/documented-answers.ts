import { Ajv2020 } from 'ajv/dist/2020.js'
import type { OpenAPIV3_1 } from 'openapi-types'

/** An answer of the API as a client sees it. */
export interface SeenAnswer {
  readonly method: string
  /** With or without a query string. */
  readonly path: string
  readonly status: number
  /** Parsed where it is JSON. */
  readonly body: unknown
}

/**
 * A check that fails where an answer is not what the OpenAPI document says of its operation: another status, a problem of
 * another code, a body of another shape. What no operation describes (other methods, unknown paths) is let through.
 */
export function documentedAnswers(document: OpenAPIV3_1.Document): (answer: SeenAnswer) => void {
  const operations = operationsOf(document)
  const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'api')
  return ({ method, path, status, body }) => {
    const { pathname } = new URL(path, 'https://api.test')
    const found = operations.find((one) => one.method === method.toLowerCase() && one.pattern.test(pathname))
    if (found === undefined) return
    const what = `${method} ${found.path} answered ${status}`
    const response = found.operation.responses?.[status]
    if (response === undefined || !('description' in response)) throw new Error(`${what}: not documented`)
    if (status >= 400) {
      const { code } = body as { code: string }
      if (!codesIn(response.description).includes(code)) throw new Error(`${what} ${code}: not documented`)
    }
    const type = status < 400 ? 'application/json' : 'application/problem+json'
    const pointer = ['paths', found.path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema']
    const validate = ajv.compile({ $ref: `api#/${pointer.map(escapePointer).join('/')}` })
    if (!validate(body)) throw new Error(`${what}: ${ajv.errorsText(validate.errors)}`)
  }
}

/** The codes that a response's description lists. */
export function codesIn(description: string): string[] {
  return [...description.matchAll(/^(ERR_\w+): /gm)].map(([, code]) => code ?? '')
}

/** An operation and the paths that are its own. */
export interface Operation {
  readonly method: string
  readonly path: string
  readonly pattern: RegExp
  readonly operation: OpenAPIV3_1.OperationObject
}

/** All operations, those with fewer parameters first: `/batch` is no part number. */
export function operationsOf(document: OpenAPIV3_1.Document): Operation[] {
  const parameters = (path: string) => path.split('{').length
  return Object.entries(document.paths ?? {})
    .flatMap(([path, item]) =>
      Object.entries(item ?? {}).map(([method, operation]) => ({
        method,
        path,
        // A key has segments of its own.
        pattern: new RegExp(`^${path.replace('{key}', '.+').replace(/\{\w+\}/g, '[^/]+')}$`),
        operation: operation as OpenAPIV3_1.OperationObject,
      })),
    )
    .sort((a, b) => parameters(a.path) - parameters(b.path))
}

/** One step of a JSON pointer in a URI fragment (RFC 6901 section 6). */
function escapePointer(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))
}
