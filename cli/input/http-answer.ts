import { UsageError } from '../usage-error.ts'

/** The parts of a response that the user saved. */
export interface HttpAnswer {
  /** `undefined` if the headers have no status line. */
  readonly status: number | undefined
  /** Lower-case names; the last of several lines with one name wins. */
  readonly headers: ReadonlyMap<string, string>
  /** Every `Set-Cookie` line, in order. */
  readonly setCookie: readonly string[]
  /** `undefined` if not given. */
  readonly body: string | undefined
}

/**
 * Parses response headers as `curl -D FILE` or `curl -i` writes them, or as a browser copies them. Of several responses (redirects,
 * `100 Continue`) the last one counts. A body after the headers is ignored.
 *
 * @throws UsageError if there is no header line.
 */
export function parseHttpAnswer(headerText: string | undefined, body: string | undefined): HttpAnswer {
  const headers = new Map<string, string>()
  const setCookie: string[] = []
  let status: number | undefined
  if (headerText !== undefined) {
    const blocks = headerText.trim().split(/\r?\n\r?\n/)
    const answers = blocks.filter((block) => /^HTTP\/\d/.test(block))
    for (const line of (answers.at(-1) ?? blocks[0] ?? '').split(/\r?\n/)) {
      const statusLine = /^HTTP\/[\d.]+ (\d{3})/.exec(line)
      const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line)
      if (statusLine !== null) status = Number(statusLine[1])
      else if (field?.[1] !== undefined && field[2] !== undefined) {
        if (field[1].toLowerCase() === 'set-cookie') setCookie.push(field[2])
        headers.set(field[1].toLowerCase(), field[2])
      }
    }
    if (status === undefined && headers.size === 0)
      throw new UsageError('--response-headers: the file has no header line')
  }
  return { status, headers, setCookie, body }
}
