import * as v from 'valibot'

/** Members that hold a private or a shared key (RFC 7518 sections 6.2.2, 6.3.2 and 6.4; RFC 8037 section 2). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** One public key (RFC 7517 section 4). It ends up in a bundle that many people can read. */
const publicKey = v.pipe(
  v.record(v.string(), v.unknown()),
  v.check(
    (key) => secretsOf(key).length === 0,
    'must be a public key: take out the members d, p, q, dp, dq, qi, oth, k',
  ),
  v.check((key) => key.kty !== 'oct', 'must be a public key, and one with kty "oct" is a shared secret'),
)

/** A JWK set of public keys (RFC 7517 section 5). Its messages never hold a member's value. */
export const publicKeySet = v.object({
  keys: v.pipe(v.array(publicKey), v.minLength(1, 'must hold at least one key')),
})

function secretsOf(key: Readonly<Record<string, unknown>>): string[] {
  return secretMembers.filter((name) => Object.hasOwn(key, name))
}
