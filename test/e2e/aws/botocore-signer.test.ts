import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { beforeAll, describe, expect, test } from 'vitest'
import { keysFromPem, signCookies, signUrl } from '../../../package/server.ts'
import { fromCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { readSignedRequest } from '../../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../../shared/cloudfront/verify.ts'
import { parsePemKey } from '../../../shared/keys/pem-key.ts'
import { botocore, setUpPythonTool } from '../../support/python-tools.ts'
import { ecPrivatePem, ecPublicPem, rsaPrivatePem } from '../../unit/fixtures/key-pairs.ts'

/** Our signatures beside those of AWS's signer for Python, botocore's `CloudFrontSigner`. */

let python = ''
beforeAll(async () => {
  python = await setUpPythonTool(botocore, { log: (line) => process.stderr.write(`${line}\n`) })
})

async function ask<T>(requests: readonly object[]): Promise<T[]> {
  const script = fileURLToPath(new URL('../../support/aws-signers.py', import.meta.url))
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(JSON.stringify(requests))
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (out === '') throw new Error(err)
  return JSON.parse(out)
}

interface Signed {
  readonly policy: string
  readonly url: string
}

const keyPairId = 'KTEST'
const now = new Date('2026-11-26T12:00:00Z')
const expires = new Date('2026-11-26T13:00:00Z')
const epoch = (date: Date) => date.getTime() / 1000
const keys = keysFromPem({ keyPairId, privateKey: rsaPrivatePem, hash: 'SHA1' })

/** As an app has them; botocore signs as given, so it gets the encoded form that we return. */
const urls = [
  'https://cdn.example.com/users/alice/disk.raw',
  'https://cdn.example.com/users/alice/my disk (1).raw',
  'https://cdn.example.com/users/älice/日本語 🗻.raw',
  'https://cdn.example.com/a+b/c@d?v=1&name=é x&flag=',
]

/** The parts of a signed URL by name, and the URL without them. botocore has another order of parameters. */
function partsOf(signed: string): Record<string, string> {
  const [url = '', query = ''] = signed.split(/\?(.*)/s)
  const pairs = query.split('&').map((pair): [string, string] => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
  return { url, ...Object.fromEntries(pairs) }
}

const withoutSignature = (signed: string) => signed.replace(/[?&](Expires|Policy)=.*$/, '')

describe('with RSA and SHA-1, byte for byte what botocore gives', () => {
  test.each(urls)('canned, for %s', async (url) => {
    const ours = await signUrl({ keys, url, expires, now })
    const [theirs] = await ask<Signed>([
      { kind: 'canned', keyPairId, pem: rsaPrivatePem, url: withoutSignature(ours), expires: epoch(expires) },
    ])
    expect(partsOf(ours)).toEqual(partsOf(theirs?.url ?? ''))
    expect(partsOf(ours)).toHaveProperty('Expires')
  })

  test.each(urls)('custom, for %s', async (url) => {
    const cases = [{}, { notBefore: now }, { ipAddress: '192.0.2.1' }]
    for (const conditions of cases) {
      const ours = await signUrl({ keys, url, expires, now, policy: 'custom', ...conditions })
      const cookies = await signCookies({ keys, url, expires, now, policy: 'custom', ...conditions })
      const [theirs] = await ask<Signed>([
        {
          kind: 'custom',
          keyPairId,
          pem: rsaPrivatePem,
          url: withoutSignature(ours),
          expires: epoch(expires),
          ...('notBefore' in conditions ? { notBefore: epoch(now) } : {}),
          ...('ipAddress' in conditions ? { ipAddress: conditions.ipAddress } : {}),
        },
      ])
      const parts = partsOf(theirs?.url ?? '')
      expect(partsOf(ours)).toEqual(parts)
      expect(fromCloudFrontBase64(partsOf(ours).Policy ?? '')?.toString()).toBe(theirs?.policy)
      expect(cookies.cookies).toEqual({
        'CloudFront-Policy': parts.Policy,
        'CloudFront-Signature': parts.Signature,
        'CloudFront-Key-Pair-Id': parts['Key-Pair-Id'],
      })
    }
  })

  test('cookies of a prefix', async () => {
    const url = 'https://cdn.example.com/users/alice/*'
    const [theirs] = await ask<Signed>([
      { kind: 'custom', keyPairId, pem: rsaPrivatePem, url, expires: epoch(expires) },
    ])
    const { cookies } = await signCookies({ keys, url, expires, now })
    const parts = partsOf((theirs?.url ?? '').replace('/*', '/'))
    expect(cookies['CloudFront-Policy']).toBe(parts.Policy)
    expect(cookies['CloudFront-Signature']).toBe(parts.Signature)
  })
})

describe('with P-256', () => {
  const ec = keysFromPem({ keyPairId, privateKey: ecPrivatePem })

  test('our signatures and those of the AWS SDK are verified by a library that is not Node', async () => {
    const signed = await Promise.all(urls.map((url) => signUrl({ keys: ec, url, expires, now, policy: 'custom' })))
    const theirs = urls.map((url) =>
      getSignedUrl({
        url,
        keyPairId,
        privateKey: ecPrivatePem,
        dateLessThan: expires,
        dateGreaterThan: now,
        algorithm: 'SHA256',
      }),
    )
    const requests = [...signed, ...theirs].map(partsOf).map(({ Policy = '', Signature = '' }) => ({
      publicKey: ecPublicPem,
      policy: fromCloudFrontBase64(Policy)?.toString(),
      signature: fromCloudFrontBase64(Signature)?.toString('hex'),
    }))
    expect(await ask(requests)).toEqual(requests.map(() => true))
    await expect(ask([{ ...requests[0], policy: 'another' }])).rejects.toThrow(/InvalidSignature/)
  })

  test("botocore's signatures are verified by ours", async () => {
    const [theirs] = await ask<Signed>([
      { kind: 'custom', keyPairId, pem: ecPrivatePem, url: urls[0], expires: epoch(expires) },
    ])
    const [url = '', query = ''] = (theirs?.url ?? '').split('?')
    const querystring = `${query}&Hash-Algorithm=SHA256`
    const read = readSignedRequest({ url, querystring, cookieHeader: '' }, 'refuse')
    if ('refusal' in read) throw new Error(read.refusal)
    const { publicKey } = parsePemKey(keyPairId, ecPrivatePem)
    expect(verifySignature(read, new Map([[keyPairId, publicKey]]))).toBe('valid')
  })
})
