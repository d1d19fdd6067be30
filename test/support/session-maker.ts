import { createHmac, randomUUID } from 'node:crypto'

/** How an app signs its sessions: what the config's `session` block expects. */
export interface SessionIssuer {
  /** The HS256 secret as the key document spells it. */
  readonly secret: string
  readonly issuer: string
  readonly audience: string
}

/** Header and payload as they will be encoded; `undefined` leaves a field out. */
export interface SessionParts {
  readonly header?: Readonly<Record<string, unknown>>
  readonly payload?: Readonly<Record<string, unknown>>
}

/** Makes app sessions, good and bad: RFC 7519 tokens put together by hand, so that they may also be wrong. */
export interface SessionMaker {
  /** A good session of 10 minutes with these claims; `payload` fields of `parts` win. */
  session(sub: string, claims?: Readonly<Record<string, unknown>>): string
  /** A token with exactly these parts over the defaults, signed with HS256 and the right secret. */
  signed(parts: SessionParts): string
  /** The same, signed with another secret. */
  forged(parts: SessionParts): string
  /** The same, with an empty signature. */
  unsigned(parts: SessionParts): string
}

/** Binds a maker to an issuer. Tokens are dated from the clock of this machine. */
export function createSessionMaker(issuer: SessionIssuer): SessionMaker {
  const encode = (parts: SessionParts) => {
    const now = Math.floor(Date.now() / 1000)
    const header = { alg: 'HS256', typ: 'JWT', ...parts.header }
    const defaults = { iss: issuer.issuer, aud: issuer.audience, iat: now, exp: now + 600, jti: randomUUID() }
    return `${base64url(header)}.${base64url({ ...defaults, ...parts.payload })}`
  }
  const sign = (input: string, secret: string) =>
    `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  const signed = (parts: SessionParts) => sign(encode(parts), issuer.secret)
  return {
    session: (sub, claims) => signed({ payload: { sub, ...claims } }),
    signed,
    forged: (parts) => sign(encode(parts), `${issuer.secret}x`),
    unsigned: (parts) => `${encode(parts)}.`,
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
