import type { Answer } from './http-client.ts'

/** A cookie line taken apart; attribute names in lower case. */
export interface CookieLine {
  readonly name: string
  readonly value: string
  readonly attributes: ReadonlyMap<string, string>
}

/** The cookies that an answer sets, without those that it clears. */
export function minted(answer: Answer): CookieLine[] {
  return answer.setCookie.map(parseLine).filter(({ attributes }) => attributes.get('max-age') !== '0')
}

/** Takes a `Set-Cookie` line apart. */
export function parseLine(line: string): CookieLine {
  const [pair = '', ...rest] = line.split(/; */)
  const split = (text: string): [string, string] => {
    const at = text.indexOf('=')
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  }
  const [name, value] = split(pair)
  return { name, value, attributes: new Map(rest.map(split).map(([key, text]) => [key.toLowerCase(), text])) }
}
