/** The order of the gate's checks: a `Resource` is a pattern, so it is matched only after its signature was verified. */
import { beforeEach, expect, it, vi } from 'vitest'
import { matchesResource } from '../../../../shared/cloudfront/resource-match.ts'
import { cookieHeader, policyFor, signedCookies, strangerKey, type TrustedKey } from '../../../support/policy-signer.ts'
import { ecPrivatePem } from '../../fixtures/key-pairs.ts'
import { configOf, context, distributionHost, edgeFunction, eventOf, keyPairId, start } from './edge.ts'

vi.mock('../../../../shared/cloudfront/resource-match.ts', { spy: true })

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.mocked(matchesResource).mockClear()
})

const key: TrustedKey = { keyPairId, privateKey: ecPrivatePem, hash: 'SHA256' }
const policy = policyFor({
  resource: `https://${distributionHost}/users/*l*e/*`,
  notBefore: start - 60,
  expires: start + 3600,
})

/** Returns the `Resource` patterns that a request with cookies of this key had matched. */
async function patternsMatched(signer: TrustedKey): Promise<string[]> {
  const headers = { cookie: cookieHeader(signedCookies(signer, policy)) }
  await edgeFunction(configOf({ enforcement: 'gate' })).handler(
    eventOf({ path: '/users/alice/disk.img', headers }),
    context,
  )
  return vi.mocked(matchesResource).mock.calls.map(([pattern]) => pattern)
}

it('matches the Resource that a trusted key signed', async () => {
  expect(await patternsMatched(key)).toEqual([`https://${distributionHost}/users/*l*e/*`])
})

it('does not look at the Resource that somebody else signed', async () => {
  expect(await patternsMatched(strangerKey(key))).toEqual([])
})
