import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * nginx's error log without tokens.
 *
 * With every error of a request, nginx logs the request line, the URL that it sent to an upstream, and the referrer. No setting
 * disables that. So nginx logs to stderr, and this process writes to the file only the parts that are known to be harmless:
 *
 *   2026/11/20 12:00:00 [error] 12#12: *7 connect() to unix:/tmp/x/bucket.sock failed (111: Connection refused) while connecting to
 *   upstream, client: 192.0.2.1, server: cdn.example.com, request: "GET /users/alice/a.bin?Signature=… HTTP/1.1",
 *   upstream: "http://unix:/tmp/x/bucket.sock:/users/alice/a.bin?Signature=…", host: "…", referrer: "…"
 *
 * becomes
 *
 *   2026/11/20 12:00:00 [error] 12#12: *7 connect() to unix:/tmp/x/bucket.sock failed (111: Connection refused) while connecting to
 *   upstream, client: 192.0.2.1, request: "GET /users/alice/a.bin", upstream: "unix:/tmp/x/bucket.sock"
 *
 * nginx truncates lines at 2,048 bytes and escapes nothing, so quotes may be missing or come from the client. If a pattern does not
 * match, the text is left out. Each pattern is linear in the length of the line.
 */

type LoggedPath = (path: string) => string

/** A line with a connection number is about a request. Other lines are about the configuration and the processes. */
const requestLine = /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[[a-z]+\] \d+#\d+: \*\d+) (.*)$/s
const processLine = /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[[a-z]+\] \d+#\d+:|nginx:) /

/**
 * Returns the line that the error log contains for a line of nginx.
 *
 * @param loggedPath returns a path in the form in which logs contain it.
 */
export function redactErrorLine(line: string, loggedPath: LoggedPath): string {
  const [, prefix, rest] = requestLine.exec(line) ?? []
  if (prefix === undefined || rest === undefined) return processLine.test(line) ? line : '(left out)'
  const context = rest.indexOf(', client: ')
  const message = context < 0 ? rest : rest.slice(0, context)
  return printable(
    `${prefix} ${redactMessage(message, loggedPath)}${context < 0 ? '' : redactContext(rest.slice(context), loggedPath)}`,
  )
}

/** Keeps nginx's own words. Of the text in quotes, only paths are kept. */
function redactMessage(message: string, loggedPath: LoggedPath): string {
  const [first, last] = [message.indexOf('"'), message.lastIndexOf('"')]
  if (first < 0) return leaveOutTokens(message)
  const quoted = message.slice(first + 1, last > first ? last : undefined)
  // A quote inside comes from the client, or belongs to a second value.
  const path = quoted.startsWith('/') ? loggedPath(quoted.split('"', 1)[0] ?? '') : '…'
  return `${leaveOutTokens(message.slice(0, first))}"${path}"${last > first ? leaveOutTokens(message.slice(last + 1)) : ''}`
}

const client = /^, client: ([0-9a-fA-F.:]{2,45}|unix:)(?=,|$)/
const request = /, request: "([A-Z]{1,16}) ([^\s"?]*)/
const upstream =
  /, upstream: "[a-z]+:\/\/(unix:\/[A-Za-z0-9._/-]{1,100}\.sock|[0-9.]{7,15}:\d{1,5}|\[[0-9a-f:]{2,39}\]:\d{1,5})[:/"]/

function redactContext(context: string, loggedPath: LoggedPath): string {
  const address = client.exec(context)?.[1]
  const [, method, path = ''] = request.exec(context) ?? []
  const server = upstream.exec(context)?.[1]
  return [
    address === undefined ? '' : `, client: ${address}`,
    method === undefined ? '' : `, request: "${method} ${loggedPath(path)}"`,
    server === undefined ? '' : `, upstream: "${server}"`,
  ].join('')
}

/** Removes words that could be tokens: long, and of a token's characters. */
function leaveOutTokens(text: string): string {
  return text.replace(/[A-Za-z0-9_~=+%-]{20,}/g, '…').replace(/\?\S*/g, '?…')
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this replaces
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}

/** A log file that this process writes. */
export interface LogFile {
  /** Appends a line. It is in the file when this returns, so a crash of this process loses no line. */
  write(line: string): void
  /** Opens the file of the same name again, for log rotation. */
  reopen(): void
  close(): void
}

/**
 * Opens a log for appending. On a full disk, or if the folder was removed, lines are lost, but the process goes on: it serves
 * files.
 *
 * @throws the system's error if the file cannot be opened.
 */
export function openLogFile(file: string): LogFile {
  const open = () => openSync(file, 'a', 0o640)
  let descriptor: number | undefined = open()
  const close = () => {
    if (descriptor !== undefined) closeSync(descriptor)
    descriptor = undefined
  }
  return {
    write(line) {
      try {
        if (descriptor !== undefined) writeSync(descriptor, `${line}\n`)
      } catch {
        // The line is lost, and there is no other place to report it.
      }
    },
    reopen() {
      try {
        const next = open()
        close()
        descriptor = next
      } catch {
        // Keep writing to the old file.
      }
    },
    close,
  }
}
