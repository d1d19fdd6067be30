import type { Deployment } from '../../shared/config/parse.ts'
import { fail, pass, unknown } from '../finding.ts'
import { describeKey, type FetchedKeySet, fetchDocument, fetchKeys } from '../input/key-set.ts'
import { showDuration } from '../input/time.ts'
import type { Check, DoctorFinding } from './check.ts'

/** Differences of clocks that sessions tolerate are smaller; the times of HTTP are whole seconds. */
const maxSecondsOff = 30

/**
 * Checks of the app's sessions: the key set and the issuer's metadata are asked as the functions do, without credentials.
 *
 * @param now epoch seconds, read for each check.
 */
export function sessionChecks({ config }: Deployment, now: () => number): readonly Check[] {
  const { algorithms, jwksUrl, issuer } = config.session
  if (algorithms.includes('HS256')) {
    const detail = 'HS256: the secret is sessionSecret of the key document'
    return [{ name: 'session keys', run: async () => pass(detail) }]
  }
  const issuers = issuer === null ? [] : [issuer].flat().filter((text) => text.startsWith('https://'))
  let asked: Promise<FetchedKeySet> | undefined
  const keySet = () => {
    asked ??= jwksUrl === null ? undefined : fetchKeys(jwksUrl, algorithms)
    return asked
  }
  return [
    { name: 'session keys', run: async () => checkKeySet(await keySet()) },
    ...issuers.map((text, index) => ({
      name: index === 0 ? 'issuer' : `issuer ${index + 1}`,
      run: async () => checkIssuer(text, jwksUrl, await keySet(), algorithms),
    })),
    { name: 'issuer clock', run: async () => checkClock((await keySet())?.answeredAt, now()) },
  ]
}

function checkKeySet(keySet: FetchedKeySet | undefined): DoctorFinding {
  if (keySet === undefined) return pass('built in with session.jwks')
  if (keySet.fault !== undefined) return fail(keySet.fault.detail, keySet.fault.remedy)
  return pass(`${keySet.keys.length} in session.jwksUrl: ${[...new Set(keySet.keys.map(describeKey))].join(', ')}`)
}

/** Compares the configuration with what the issuer says of itself (OpenID Connect Discovery 1.0 section 4). */
async function checkIssuer(
  issuer: string,
  jwksUrl: string | null,
  keySet: FetchedKeySet | undefined,
  algorithms: readonly string[],
): Promise<DoctorFinding> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const fetched = await fetchDocument(url, 'metadata')
  // An app that signs its own sessions has no metadata.
  if (fetched.fault !== undefined) return unknown(`no metadata to compare with: ${fetched.fault.detail}`)
  const { issuer: named, jwks_uri: uri } = (fetched.document ?? {}) as {
    readonly issuer?: unknown
    readonly jwks_uri?: unknown
  }
  if (typeof named !== 'string' || typeof uri !== 'string') return unknown(`${url} is no metadata of an issuer`)
  if (named !== issuer) {
    return fail(
      `the metadata names the issuer ${named}, and session.issuer is ${issuer}`,
      named.includes('{')
        ? 'Set session.issuer to the iss of your tenant: the address of the metadata is shared by all tenants.'
        : 'Set session.issuer to exactly that text: iss is compared byte by byte.',
    )
  }
  if (jwksUrl === null || uri === jwksUrl) return pass(`${issuer}, as its metadata says`)
  const own = await fetchKeys(uri, algorithms)
  const known = keySet?.fault === undefined ? (keySet?.keys ?? []) : []
  const isSame = own.fault === undefined && own.keys.some(({ kid }) => known.some((key) => key.kid === kid))
  return isSame
    ? pass(`${issuer}; jwksUrl has the keys of its jwks_uri`)
    : fail(`the issuer's keys are at ${uri}, and session.jwksUrl is ${jwksUrl}`, `Set session.jwksUrl to ${uri}.`)
}

function checkClock(answeredAt: number | undefined, now: number): DoctorFinding {
  if (answeredAt === undefined) return unknown('no answer with a Date came from the key set')
  const off = now - answeredAt
  if (Math.abs(off) <= maxSecondsOff) return pass(`${Math.abs(off)} s apart from this machine`)
  return fail(
    `this machine is ${showDuration(Math.abs(off))} ${off > 0 ? 'ahead of' : 'behind'} the server of the key set`,
    'Compare both with a time server: sessions look expired, or not yet valid, where a clock is wrong.',
  )
}
