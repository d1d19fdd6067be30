import { type ErrorCode, problems } from '../../shared/errors.ts'
import { generatedHeaders } from '../../shared/read/answer-headers.ts'
import { writeProblem } from '../../shared/read/problem-response.ts'
import { block } from './text.ts'

/**
 * The directives of a location that answers with the problem of an error code.
 *
 * @param headers `add_header` directives: the listener's, and those of this response alone.
 */
export function problemAnswer(code: ErrorCode, headers: readonly string[]): string[] {
  return [
    'internal;',
    'types { }',
    'default_type application/problem+json;',
    ...generatedHeaders.map(([name, value]) => `add_header ${name} ${value} always;`),
    ...headers,
    `return ${problems[code][0]} ${problemText(code)};`,
  ]
}

/** The statuses with which nginx itself rejects a request, and the problem that replaces its HTML page. */
const early: ReadonlyArray<readonly [name: string, statuses: string, code: ErrorCode, ...headers: string[]]> = [
  // A URL or header longer than its buffers, plain HTTP on a TLS port, and anything that is not HTTP.
  ['early', '400 414 494 497', 'ERR_REQUEST_INVALID'],
  // TRACE and CONNECT, which nginx rejects before it knows the path: `Allow` lists the methods of all paths.
  [
    'early-method',
    '405',
    'ERR_METHOD_NOT_ALLOWED',
    'add_header Allow "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" always;',
  ],
  // An unknown transfer coding.
  ['early-coding', '501', 'ERR_NOT_IMPLEMENTED'],
]

/**
 * Directives of a server for requests that nginx rejects before it knows the path. At that point `error_page` accepts a path but no
 * named location. The paths contain a `*`, which no object key does.
 *
 * @param headers the listener's `add_header` directives.
 */
export function earlyRefusals(headers: readonly string[]): string[] {
  return [
    ...early.flatMap(([name, statuses, code, ...own]) => [
      `error_page ${statuses} = "/*${name}";`,
      ...block(`location = "/*${name}"`, [
        ...problemAnswer(code, [...headers, ...own]),
        // For a request that names this path itself.
        'error_page 404 = @early-unknown;',
      ]),
    ]),
    ...block('location @early-unknown', problemAnswer('ERR_NOT_FOUND', headers)),
  ]
}

/** The problem of an error code as one nginx argument. */
export function problemText(code: ErrorCode): string {
  return `'${writeProblem(code, problems[code]).body.replace(/['\\]/g, '\\$&')}'`
}
