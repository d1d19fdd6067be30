import { shapeFault } from '../../shared/session/session.ts'
import { type Fault, fault } from '../finding.ts'

type Fields = Readonly<Record<string, unknown>>

/** A token as it was given, taken apart. Nothing in it is verified. */
export interface UnverifiedToken {
  /** Without the name of a header or a cookie before it. */
  readonly text: string
  /** `undefined` if it is not a JSON object. */
  readonly header: Fields | undefined
  readonly payload: Fields | undefined
  /** Why it is no signed token. */
  readonly fault: Fault | undefined
}

/** Takes a token apart: alone, or as `Authorization: Bearer <token>` or `Cookie: <name>=<token>`. */
export function readToken(given: string): UnverifiedToken {
  const text = given
    .trim()
    .replace(/^(authorization|cookie): */i, '')
    .replace(/^bearer +/i, '')
    .replace(/^[!#$%&'*+\-.^_`|~\w]+=(?=ey)/, '')
    .replace(/;$/, '')
  const [header = '', payload = ''] = text.split('.')
  return { text, header: decode(header), payload: decode(payload), fault: faultOf(text) }
}

function decode(part: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

const guide = 'docs/sign-in/README.md says what to send instead.'

/** Things that people take for a session token, each by its form alone. */
const otherForms: readonly {
  readonly form: RegExp
  readonly name: string
  readonly detail: string
  readonly remedy: string
}[] = [
  { form: /^$/, name: 'empty', detail: 'there is no token', remedy: 'Write the token to standard input.' },
  {
    form: /^base64-/,
    name: 'supabase-cookie',
    detail: "it is Supabase's cookie: JSON in base64, which may be cut into .0 and .1",
    remedy: `Send its access_token as Bearer, or in a cookie of its own. ${guide}`,
  },
  {
    form: /^(s:|s%3A)/i,
    name: 'server-session',
    detail: 'it is the id of a session that the app keeps on its server',
    remedy: `Let the app sign a JWT for the session. ${guide}`,
  },
  {
    form: /^[[{]|^%7B|^%5B/i,
    name: 'json',
    detail: 'it is JSON, not a token',
    remedy: 'Take the token out of it, such as access_token.',
  },
  {
    form: /^["'].*["']$/s,
    name: 'quoted',
    detail: 'it is in quotation marks',
    remedy: 'Write the token without them.',
  },
  {
    form: /^[\w-]+\.[\w-]+\.?$/,
    name: 'unsigned',
    detail: 'it has two parts: the signature is missing or was cut off',
    remedy: 'Send the whole token. A cookie holds at most 4,096 bytes with its name.',
  },
  {
    form: /^[\w-]+\.[\w-]+\.[\w-]*[^\w.-]/,
    name: 'base64',
    detail: 'it has characters that are not base64url, such as +, / or =, or something after its end',
    remedy: 'Send the token as the issuer wrote it.',
  },
  {
    form: /^[^.]+$/,
    name: 'opaque',
    detail: 'it is an opaque token, which only its issuer can read',
    remedy: `Ask the issuer for a JWT; most need an audience or an API for that. ${guide}`,
  },
]

function faultOf(text: string): Fault | undefined {
  // Some have three parts, too.
  if (/^v\d+\.(local|public)\./.test(text)) {
    return fault('not-a-jws-paseto', 'it is a PASETO', `Only signed JWTs are verified. ${guide}`)
  }
  const shape = shapeFault(text)
  if (shape === undefined) return undefined
  if (shape === 'encrypted') {
    return fault(
      'encrypted',
      'it is encrypted (a JWE with five parts), so only its owner can read it',
      `Let the app sign a JWT instead. ${guide}`,
    )
  }
  const found = otherForms.find(({ form }) => form.test(text))
  return fault(
    `not-a-jws-${found?.name ?? 'form'}`,
    found?.detail ?? 'it does not have the three parts of a signed token',
    found?.remedy ?? `Send a signed JWT. ${guide}`,
  )
}

/** Describes a value by its kind, for reports that must not show it. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'null'
  if (value === '') return 'an empty text'
  if (Array.isArray(value)) {
    if (value.length === 0) return 'an empty list'
    const isTexts = value.every((item) => typeof item === 'string')
    return `a list of ${value.length} ${isTexts ? 'texts' : 'values'}`
  }
  const names: Readonly<Record<string, string>> = { string: 'a text', number: 'a number', boolean: 'true or false' }
  return names[typeof value] ?? 'an object'
}
