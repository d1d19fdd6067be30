import type { Terminal } from './terminal.ts'

/**
 * The only module that writes to the terminal. Much of the output is untrusted: a policy, a header, the name of a user in a
 * revocation. A control character in it could clear the screen, a line feed could start a line that reads `GRANTED: …`, and a
 * bidirectional override could show a path backwards.
 *
 * Therefore all such characters in a line are escaped, line feeds included, and JSON has them as `\u…`.
 */

/** Prints lines to standard output. */
export function printLines(terminal: Terminal, lines: readonly string[]): void {
  terminal.out(textOf(lines))
}

/** Returns the lines of a table: headers in capitals, then the rows, with each column as wide as its widest cell. */
export function tableLines(headers: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headers.map((header) => header.toUpperCase()), ...rows]
  const widths = headers.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Prints one line to standard output. */
export function printLine(terminal: Terminal, line: string): void {
  printLines(terminal, [line])
}

/** Prints one line to standard error. */
export function printErrorLine(terminal: Terminal, line: string): void {
  terminal.err(textOf([line]))
}

/** Replaces the status line of an interactive terminal; an empty text removes it. Other outputs get nothing. */
export function printStatus(terminal: Terminal, text: string): void {
  terminal.status?.(printable(text))
}

/**
 * Prints a message with several lines to standard error: a stack, or a list of faults. All lines but the first are indented, so
 * that none of them reads like a separate message.
 */
export function printErrorMessage(terminal: Terminal, message: string): void {
  terminal.err(textOf(message.split('\n').map((line, index) => (index === 0 ? line : `  ${line}`))))
}

/** Prints a value as JSON to standard output. Escaping does not change the value that a parser reads. */
export function printJson(terminal: Terminal, value: unknown): void {
  // JSON.stringify escapes characters below U+0020 itself; the line feeds between its lines stay.
  const json = JSON.stringify(value, null, 2).replace(unprintable, (char) =>
    char === '\n' ? char : unicodeEscape(char),
  )
  terminal.out(`${json}\n`)
}

/** Prints a text for programs, such as a cookie jar, with its line feeds and tabs. */
export function printFile(terminal: Terminal, text: string): void {
  terminal.out(text)
}

/** Wraps a terminal so that every writer's control characters are escaped, except line feeds and tabs. */
export function withEscapedOutput(terminal: Terminal): Terminal {
  const shield = (text: string) => text.replace(unprintable, (char) => (/[\n\t]/.test(char) ? char : escapeOf(char)))
  return {
    ...terminal,
    out: (text) => terminal.out(shield(text)),
    err: (text) => terminal.err(shield(text)),
  }
}

/** Escapes the control characters of a text, line feeds included. */
export function printable(text: string): string {
  return text.replace(unprintable, escapeOf)
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('')
}

/**
 * C0, DEL and C1 (ECMA-48); the separators of lines and paragraphs; the marks, embeddings, overrides and isolates of the bidirectional
 * algorithm (UAX #9); lone surrogates, which are not characters.
 */
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this replaces
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

function escapeOf(char: string): string {
  return shortEscapes.get(char) ?? unicodeEscape(char)
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
