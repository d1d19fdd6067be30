import { constants, createPrivateKey, sign } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { cannedPolicy } from '../../../shared/cloudfront/signed-request.ts'
import { issueStamp } from '../../../shared/revocation/stamp.ts'
import {
  cookieHeader,
  policyFor,
  signedCookies,
  strangerKey,
  urlWithCannedPolicy,
  urlWithPolicy,
} from '../../support/policy-signer.ts'
import { makeFolder, now, run } from './command-line.ts'
import { keyDocument, makeKey, type TestKey } from './keys.ts'

/**
 * Requests with exactly one mistake. `explain` must identify it by the first check that fails and by the name of the fault.
 */

const folder = makeFolder()
afterAll(() => folder.remove())

const ec = makeKey('KEC0000000001', 'ES256')
const otherEc = makeKey('KEC0000000002', 'ES256')
const rsa = makeKey('KRSA000000001', 'RS256')
const sha1 = makeKey('KRSA000000002', 'RS1')
const stampKey = 'c3RhbXAta2V5LXN0YW1wLWtleS1zdGFtcC1rZXktMTIz'
const keys = folder.write('keys.json', keyDocument([ec, otherEc, rsa, sha1], stampKey))

const host = 'cdn.example.com'
const url = `https://${host}/users/alice/disk.img`
const good = { resource: `https://${host}/users/alice/*`, expires: now + 600 }
const policy = policyFor(good)

type Cookies = Map<string, string>
const cookies = (json = policy, key: TestKey = ec): Cookies => signedCookies(key, json)
const changed = (name: string, change: (value: string) => string, from = cookies()): Cookies =>
  from.set(`CloudFront-${name}`, change(from.get(`CloudFront-${name}`) ?? ''))
const without = (name: string, from = cookies()): Cookies => {
  from.delete(`CloudFront-${name}`)
  return from
}
const sent = (from: Cookies, to = url): string[] => [to, '--cookie', cookieHeader(from)]

/** A policy whose base64 ends in padding, so that plain base64 differs from CloudFront's. */
const padded = ['', '?', '??']
  .map((wildcards) => policyFor({ ...good, resource: `https://${host}/users/alice/${wildcards}*` }))
  .find((json) => toCloudFrontBase64(json).endsWith('_'))
if (padded === undefined) throw new Error('one of three lengths has padding')

interface ByHand {
  readonly hash?: 'SHA1' | 'SHA384' | 'SHA512'
  readonly marker?: false
  readonly raw?: true
}

/** Cookies with a custom signature: over another text, with another hash, or in another format. */
function signedByHand(text: string, key: TestKey, json = policy, { hash, marker, raw }: ByHand = {}): Cookies {
  const form = { key: createPrivateKey(key.privateKey), ...(raw ? { dsaEncoding: 'ieee-p1363' as const } : {}) }
  const signature = toCloudFrontBase64(sign(hash ?? 'SHA256', Buffer.from(text), form))
  const made = changed('Signature', () => signature, cookies(json, key))
  return marker === false ? without('Hash-Algorithm', made) : made
}

/** A jar of good cookies, with one field of each line changed. */
function jar(field: 'domain' | 'path' | 'secure' | 'expires', value: string): string[] {
  const fields = {
    domain: host,
    subdomains: 'FALSE',
    path: '/users/alice/',
    secure: 'TRUE',
    expires: String(now + 600),
  }
  const lines = [...cookies()].map(([name, cookie]) =>
    [...Object.values({ ...fields, [field]: value }), name, cookie].join('\t'),
  )
  return ['--jar', folder.write(`jar-${field}`, ['# Netscape HTTP Cookie File', ...lines, ''].join('\n'))]
}

const mint = (attributes: string): string[] => {
  const lines = [...cookies()].map(([name, value]) => `Set-Cookie: ${name}=${value}; ${attributes}`)
  return ['--set-cookie', folder.write('mint.txt', ['HTTP/2 200', ...lines, ''].join('\r\n'))]
}

const revoked = (before: number): string[] => {
  const revocations = [{ prefix: '/users/alice/', before, expires: now + 86_400 }]
  return ['--revocations', folder.write('revocations.json', JSON.stringify({ revocations }))]
}
const stamped = (epoch: number): Cookies =>
  cookies().set('edge-issued', issueStamp(stampKey, host, '/users/alice/', epoch))

const answered = (headers: readonly string[], body: string, status = '403 Forbidden'): string[] => [
  ...sent(cookies()),
  ...['--response-headers', folder.write('headers.txt', [`HTTP/1.1 ${status}`, ...headers, ''].join('\r\n'))],
  ...['--body', folder.write('body.txt', body)],
]
const xml = (code: string, rest = '') =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>x</Message>${rest}</Error>`

const canned = urlWithCannedPolicy(ec, url, now + 600)
const signed = urlWithPolicy(rsa, url, policy)
const byHand = (signedText: string, request: string) =>
  `${request}?Expires=${now + 600}&Key-Pair-Id=${ec.keyPairId}&Hash-Algorithm=SHA256&Signature=${toCloudFrontBase64(
    sign('SHA256', Buffer.from(signedText), createPrivateKey(ec.privateKey)),
  )}`

const broken: readonly [what: string, check: string, fault: string, args: () => string[]][] = [
  // A missing or incomplete signature
  ['no cookies at all', 'key-pair-id', 'not-signed', () => [url]],
  ['no key id', 'key-pair-id', 'key-pair-id-missing', () => sent(without('Key-Pair-Id'))],
  ['no policy', 'policy-encoding', 'policy-missing', () => sent(without('Policy'))],
  ['no signature', 'signature-encoding', 'signature-missing', () => sent(without('Signature'))],
  ['a URL copied out of HTML', 'key-pair-id', 'url-html-escaped', () => [canned.replaceAll('&', '&amp;')]],
  ['a URL without its question mark', 'key-pair-id', 'query-mark-missing', () => [canned.replace('?', '&')]],
  ['a URL with its question mark encoded', 'key-pair-id', 'query-mark-missing', () => [canned.replace('?', '%3F')]],
  [
    'a URL encoded from its question mark on',
    'key-pair-id',
    'query-mark-missing',
    () => [signed.slice(0, signed.indexOf('?')) + encodeURIComponent(signed.slice(signed.indexOf('?')))],
  ],
  // Keys and hashes
  ['an unknown key id', 'key-known', 'key-unknown', () => sent(changed('Key-Pair-Id', () => 'KUNKNOWN00000'))],
  ['another private key', 'signature', 'signature-wrong', () => sent(signedCookies(strangerKey(ec), policy))],
  [
    'the id of another key',
    'signature',
    'signed-with-other-key',
    () => sent(changed('Key-Pair-Id', () => otherEc.keyPairId)),
  ],
  [
    'an RSA signature under an EC id',
    'signature',
    'signed-with-other-key',
    () => sent(changed('Key-Pair-Id', () => ec.keyPairId, cookies(policy, rsa))),
  ],
  ['no hash marker with EC', 'hash-algorithm', 'hash-marker-missing', () => sent(without('Hash-Algorithm'))],
  [
    'an ECDSA signature with SHA-1',
    'hash-algorithm',
    'hash-marker-missing',
    () => sent(signedByHand(policy, ec, policy, { hash: 'SHA1', marker: false })),
  ],
  [
    'no hash marker with RSA',
    'hash-algorithm',
    'hash-marker-missing',
    () => sent(without('Hash-Algorithm', cookies(policy, rsa))),
  ],
  [
    'a hash marker on a SHA-1 signature',
    'hash-algorithm',
    'hash-marker-wrong',
    () => sent(cookies(policy, sha1).set('CloudFront-Hash-Algorithm', 'SHA256')),
  ],
  [
    'an ECDSA signature with SHA-1 under the marker',
    'signature',
    'signed-with-other-hash',
    () => sent(signedByHand(policy, ec, policy, { hash: 'SHA1' })),
  ],
  [
    'an ECDSA signature with SHA-384',
    'signature',
    'signed-with-other-hash',
    () => sent(signedByHand(policy, ec, policy, { hash: 'SHA384' })),
  ],
  [
    'an RSA signature with SHA-512',
    'signature',
    'signed-with-other-hash',
    () => sent(signedByHand(policy, rsa, policy, { hash: 'SHA512' })),
  ],
  [
    'an RSA signature with SHA-512 and no marker',
    'signature',
    'signed-with-other-hash',
    () => sent(signedByHand(policy, rsa, policy, { hash: 'SHA512', marker: false })),
  ],
  [
    'a misspelt hash marker',
    'hash-algorithm',
    'hash-marker-unknown',
    () => sent(changed('Hash-Algorithm', () => 'sha-256')),
  ],
  // Encodings
  [
    'an ECDSA signature as r and s',
    'signature-encoding',
    'signature-raw',
    () => sent(signedByHand(policy, ec, policy, { raw: true })),
  ],
  [
    'a signature in plain base64',
    'signature-encoding',
    'signature-plain-base64',
    () => sent(changed('Signature', plainBase64, cookies(policy, rsa))),
  ],
  [
    'a signature cut short',
    'signature-encoding',
    'signature-truncated',
    () => sent(changed('Signature', (s) => s.slice(0, 41))),
  ],
  [
    'a policy percent-encoded',
    'policy-encoding',
    'policy-percent-encoded',
    () => sent(changed('Policy', (p) => `${p.slice(0, 8)}%5F`)),
  ],
  ['a policy in quotes', 'policy-encoding', 'policy-quoted', () => sent(changed('Policy', (p) => `"${p}"`))],
  ['a policy that is not JSON', 'policy-json', 'policy-not-json', () => sent(cookies(policy.slice(0, -3)))],
  [
    'a signature of the base64',
    'signature',
    'signed-encoded-policy',
    () => sent(signedByHand(toCloudFrontBase64(padded), ec, padded)),
  ],
  ['a policy signed with a line break', 'signature', 'policy-reformatted', () => sent(signedByHand(`${policy}\n`, ec))],
  // Policies
  [
    'several statements',
    'policy-statement',
    'several-statements',
    () => sent(cookies(policy.replace(/\[(.*)\]/, '[$1,$1]'))),
  ],
  [
    'no Resource',
    'policy-statement',
    'resource-missing',
    () => sent(cookies(policy.replace(/"Resource":"[^"]*",/, ''))),
  ],
  [
    'an expiry as text',
    'policy-statement',
    'date-not-integer',
    () => sent(cookies(policy.replace(/:(\d+)\}/, ':"$1"}'))),
  ],
  [
    'a list of addresses',
    'policy-statement',
    'ip-malformed',
    () => sent(cookies(policyFor({ ...good, sourceIp: '192.0.2.1,192.0.2.2' }))),
  ],
  ["another user's prefix", 'resource', 'resource-path', () => sent(cookies(), `https://${host}/users/bob/disk.img`)],
  [
    'another host',
    'resource',
    'resource-host',
    () => sent(cookies(), 'https://d111.cloudfront.net/users/alice/disk.img'),
  ],
  [
    'a policy for http',
    'resource',
    'resource-scheme',
    () => sent(cookies(policyFor({ ...good, resource: `http://${host}/users/alice/*` }))),
  ],
  [
    'a Resource that is not encoded',
    'resource',
    'resource-encoding',
    () =>
      sent(cookies(policyFor({ ...good, resource: `https://${host}/users/a b/*` })), `https://${host}/users/a%20b/x`),
  ],
  [
    'a query string not covered',
    'resource',
    'resource-query',
    () => sent(cookies(policyFor({ ...good, resource: url })), `${url}?v=2`),
  ],
  [
    'no wildcard',
    'resource',
    'resource-wildcard-missing',
    () => sent(cookies(policyFor({ ...good, resource: `https://${host}/users/alice/` }))),
  ],
  ['a time in the past', 'expiry', 'expired', () => sent(cookies(policyFor({ ...good, expires: now - 61 })))],
  ['a start in the future', 'start', 'not-yet-valid', () => sent(cookies(policyFor({ ...good, notBefore: now + 30 })))],
  [
    'a start in milliseconds',
    'policy-statement',
    'date-in-milliseconds',
    () => sent(cookies(policyFor({ ...good, notBefore: now * 1000 }))),
  ],
  [
    'an end in milliseconds',
    'policy-statement',
    'date-in-milliseconds',
    () => sent(cookies(policyFor({ ...good, expires: (now + 60) * 1000 }))),
  ],
  [
    "an end after CloudFront's last second",
    'policy-statement',
    'date-too-late',
    () => sent(cookies(policyFor({ ...good, expires: 2 ** 31 }))),
  ],
  [
    'a cookie for any scheme',
    'policy-statement',
    'resource-without-scheme',
    () => sent(cookies(policyFor({ ...good, resource: `http*://${host}/users/alice/*` }))),
  ],
  [
    'a Resource with a line feed',
    'policy-statement',
    'resource-characters',
    () => sent(cookies(policyFor({ ...good, resource: `https://${host}/users/alice/*\nGRANTED: *` }))),
  ],
  [
    'a date with a leading zero',
    'policy-json',
    'policy-not-json',
    () => sent(cookies(policyFor(good).replace(/:(\d)/, ':0$1'))),
  ],
  [
    'a field twice',
    'policy-statement',
    'policy-ambiguous',
    () => sent(cookies(policyFor(good).replace('"Resource"', '"Resource":"*","Resource"'))),
  ],
  [
    'another address',
    'ip',
    'ip-mismatch',
    () => [...sent(cookies(policyFor({ ...good, sourceIp: '192.0.2.7/32' }))), '--ip', '192.0.2.8'],
  ],
  [
    'an IPv6 viewer',
    'ip',
    'ip-version',
    () => [...sent(cookies(policyFor({ ...good, sourceIp: '192.0.2.7/32' }))), '--ip', '2001:db8::1'],
  ],
  // URLs
  [
    'a URL encoded after signing',
    'signature',
    'url-encoded-after-signing',
    () => [
      byHand(
        cannedPolicy(`https://${host}/users/alice/my disk.img`, now + 600),
        `https://${host}/users/alice/my%20disk.img`,
      ),
    ],
  ],
  [
    'a query string added after signing',
    'signature',
    'query-added-after-signing',
    () => [canned.replace('?', '?v=2&')],
  ],
  [
    'a URL signed for http',
    'signature',
    'signed-for-http',
    () => [byHand(cannedPolicy(url.replace('https', 'http'), now + 600), url)],
  ],
  [
    'an expiry changed after signing',
    'signature',
    'signature-wrong',
    () => [canned.replace(`Expires=${now + 600}`, `Expires=${now + 9999}`)],
  ],
  [
    "an app's parameter that shadows the cookies",
    'shadowing',
    'cookies-shadowed',
    () => sent(cookies(), `${url}?Expires=soon`),
  ],
  [
    'Policy and Expires',
    'policy-encoding',
    'policy-and-expires',
    () => [`${urlWithPolicy(ec, url, policy)}&Expires=${now + 600}`],
  ],
  ['a parameter twice', 'duplicates', 'duplicate-parameters', () => [`${canned}&Key-Pair-Id=${ec.keyPairId}`]],
  [
    'cookies of two paths',
    'duplicates',
    'duplicate-cookies',
    () => [url, '--cookie', `${cookieHeader(cookies())}; ${cookieHeader(cookies())}`],
  ],
  // Names in another spelling
  [
    'a policy cookie in lower case',
    'policy-encoding',
    'name-misspelt',
    () => [url, '--cookie', cookieHeader(cookies()).replace('CloudFront-Policy', 'cloudfront-policy')],
  ],
  [
    'a signature cookie with an underscore',
    'signature-encoding',
    'name-misspelt',
    () => [url, '--cookie', cookieHeader(cookies()).replace('CloudFront-Signature', 'CloudFront_Signature')],
  ],
  [
    'a hash marker without its hyphen',
    'hash-algorithm',
    'name-misspelt',
    () => [url, '--cookie', cookieHeader(cookies()).replace('Hash-Algorithm', 'HashAlgorithm')],
  ],
  ['an expiry in lower case', 'policy-encoding', 'name-misspelt', () => [canned.replace('Expires=', 'expires=')]],
  [
    'a signature in lower case',
    'signature-encoding',
    'name-misspelt',
    () => [canned.replace('Signature=', 'signature=')],
  ],
  [
    'a canned policy for www',
    'signature',
    'signed-for-other-host',
    () => [byHand(cannedPolicy(url.replace(host, `www.${host}`), now + 600), url)],
  ],
  [
    'a canned policy for the host of the page',
    'signature',
    'signed-for-other-host',
    () => [
      byHand(cannedPolicy(url.replace(host, 'd111.cloudfront.net'), now + 600), url),
      ...['--page', 'https://d111.cloudfront.net/'],
    ],
  ],
  [
    'a canned policy for the path',
    'signature',
    'signed-path-only',
    () => [byHand(cannedPolicy('/users/alice/disk.img', now + 600), url)],
  ],
  ['a path in another case', 'behaviour', 'path-case', () => sent(cookies(), `https://${host}/Users/alice/disk.img`)],
  // Cookies that the browser drops
  [
    'SameSite=None without Secure',
    'cookie-stored',
    'cookie-none-insecure',
    () => [url, ...mint('Path=/users/alice/; SameSite=None')],
  ],
  [
    'a Domain of everybody',
    'cookie-stored',
    'cookie-public-suffix',
    () => ['https://d1.cloudfront.net/users/alice/x', ...mint('Path=/users/alice/; Secure; Domain=cloudfront.net')],
  ],
  [
    'a policy longer than a cookie',
    'cookie-stored',
    'cookie-too-large',
    () => {
      const long = cookies(policyFor({ ...good, resource: `https://${host}/users/alice/${'a'.repeat(3100)}*` }))
      const lines = [...long].map(([name, value]) => `Set-Cookie: ${name}=${value}; Path=/users/alice/; Secure`)
      return [url, '--set-cookie', folder.write('long.txt', ['HTTP/2 200', ...lines, ''].join('\r\n'))]
    },
  ],
  // Cookies that the browser withholds
  ['cookies of another host', 'cookie-domain', 'cookie-domain', () => [url, ...jar('domain', 'app.example.com')]],
  ['cookies of another prefix', 'cookie-path', 'cookie-path', () => [url, ...jar('path', '/users/alice2/')]],
  [
    'Secure cookies over http',
    'cookie-secure',
    'cookie-secure',
    () => [url.replace('https', 'http'), ...jar('secure', 'TRUE')],
  ],
  ['cookies past their end', 'cookie-lifetime', 'cookie-lifetime', () => [url, ...jar('expires', String(now - 5))]],
  [
    'a page of another site',
    'cookie-same-site',
    'cookie-same-site',
    () => [url, ...mint('Path=/users/alice/; SameSite=Lax; Secure'), '--page', 'https://app.other.example/'],
  ],
  // After the signature check
  [
    'a path in another spelling',
    'canonical-path',
    'path-not-canonical',
    () => sent(cookies(), `https://${host}/users/alice/%64isk.img`),
  ],
  ...(
    [
      ['as it is', [`https://${host}/users/a@b.example/x`], 'canonical-path'],
      ['with a +', [`https://${host}/users/a+b/x`], 'canonical-path'],
      ['and cookies of the encoded one', [`https://${host}/users/a@b.example/x`], 'resource'],
    ] as const
  ).map(([what, [address], check]): [string, string, string, () => string[]] => [
    `a reserved character in the prefix, ${what}`,
    check,
    'path-reserved',
    () => {
      const prefix = check === 'resource' ? '/users/a%40b.example/' : '/users/'
      return sent(cookies(policyFor({ ...good, resource: `https://${host}${prefix}*` })), address)
    },
  ]),
  [
    'a reserved character in the prefix, and a browser',
    'cookie-path',
    'path-reserved',
    () => [`https://${host}/users/a@b.example/x`, ...jar('path', '/users/a%40b.example/')],
  ],
  [
    'a path in another case, in a browser',
    'cookie-path',
    'path-case',
    () => [`https://${host}/users/Alice/x`, ...jar('path', '/users/alice/')],
  ],
  [
    'a reserved character that the guard refused',
    'canonical-path',
    'path-reserved',
    () => [
      ...sent(cookies(policyFor({ ...good, resource: `https://${host}/*` })), `https://${host}/users/a@b.example/x`),
      ...answered(['x-cache: FunctionGeneratedResponse from cloudfront'], '{"code":"ERR_PATH_RESERVED"}').slice(3),
    ],
  ],
  [
    'a redirect of gate mode to the encoded address',
    'canonical-path',
    'path-reserved',
    () => [
      `https://${host}/users/a@b.example/x`,
      ...answered(
        ['x-cache: LambdaGeneratedResponse from cloudfront', 'location: /x'],
        '',
        '307 Temporary Redirect',
      ).slice(3),
    ],
  ],
  [
    'cookies from before a revocation',
    'revocation',
    'revoked',
    () => [...sent(stamped(now - 60)), ...revoked(now - 30)],
  ],
  [
    'a revoked prefix without a stamp',
    'revocation',
    'revoked-stamp-missing',
    () => [...sent(cookies()), ...revoked(now - 30)],
  ],
  [
    'a forged stamp',
    'revocation',
    'revoked-stamp-invalid',
    () => [...sent(cookies().set('edge-issued', `${now}.${'A'.repeat(43)}`)), ...revoked(now - 30)],
  ],
  ['a signed URL on a revoked prefix', 'revocation', 'revoked-signed-url', () => [canned, ...revoked(now - 30)]],
  [
    'a bucket that refuses',
    'answer',
    'answered-by-s3',
    () => answered(['Server: AmazonS3', 'x-amz-request-id: X'], xml('AccessDenied', '<HostId>h</HostId>')),
  ],
  [
    'a key group with other keys',
    'answer',
    'answered-by-key-group',
    () => answered(['Server: CloudFront'], xml('InvalidKey')),
  ],
  [
    'a request that the guard refused',
    'answer',
    'answered-by-guard',
    () => answered(['x-cache: FunctionGeneratedResponse from cloudfront'], '{"code":"ERR_METHOD_NOT_ALLOWED"}'),
  ],
  [
    'a request that the session function refused',
    'answer',
    'answered-by-session-function',
    () => answered(['x-cache: LambdaGeneratedResponse from cloudfront'], '{"code":"ERR_GRANT_NONE"}'),
  ],
  [
    'an error page',
    'answer',
    'answered-by-error-page',
    () => answered(['content-type: text/html'], '<a href="/_edge/session?return=/">'),
  ],
  // Names, ids and kinds of signatures
  ...(['KEC0000000001%0A', 'APKAEXAMPLE', 'AKIAEXAMPLE', '01234567-89ab-cdef-0123-456789abcdef'] as const).map(
    (id, i): [string, string, string, () => string[]] => [
      `the id ${id}`,
      'key-known',
      ['key-pair-id-white-space', 'key-of-account', 'key-is-access-key', 'key-is-key-group'][i] ?? '',
      () => sent(changed('Key-Pair-Id', () => id)),
    ],
  ),
  [
    'cookie names in lower case',
    'key-pair-id',
    'name-misspelt',
    () => [url, '--cookie', cookieHeader(cookies()).replaceAll('CloudFront-', 'cloudfront-').replace('Key-P', 'key-p')],
  ],
  ['a parameter in another case', 'key-pair-id', 'name-misspelt', () => [canned.replace('Key-Pair-Id', 'key-pair-id')]],
  [
    'an RSA-PSS signature',
    'signature',
    'signed-with-pss',
    () => {
      const key = { key: createPrivateKey(rsa.privateKey), padding: constants.RSA_PKCS1_PSS_PADDING }
      const pss = toCloudFrontBase64(sign('SHA256', Buffer.from(policy), key))
      return sent(changed('Signature', () => pss, cookies(policy, rsa)))
    },
  ],
  [
    'a canned policy for a wildcard',
    'signature',
    'canned-over-wildcard',
    () => [byHand(cannedPolicy(`https://${host}/users/alice/*`, now + 600), url)],
  ],
  [
    'a canned policy with spaces',
    'signature',
    'canned-reformatted',
    () => [
      byHand(
        cannedPolicy(url, now + 600)
          .replace(/":/g, '": ')
          .replace(/,"/g, ', "'),
        url,
      ),
    ],
  ],
  [
    'a canned policy with escaped slashes',
    'signature',
    'canned-reformatted',
    () => [byHand(cannedPolicy(url, now + 600).replaceAll('/', '\\/'), url)],
  ],
  [
    'a canned policy for another case',
    'signature',
    'url-case-changed',
    () => [byHand(cannedPolicy(url, now + 600), url.replace('alice', 'Alice'))],
  ],
  [
    'a policy for another case',
    'resource',
    'resource-case',
    () => sent(cookies(), `https://${host}/users/Alice/disk.img`),
  ],
  [
    'a Resource without a scheme in a URL',
    'resource',
    'resource-without-scheme',
    () => [urlWithPolicy(ec, url, policyFor({ ...good, resource: '/users/alice/*' }))],
  ],
  [
    'an Expires in milliseconds',
    'policy-statement',
    'date-in-milliseconds',
    () => [canned.replace(`Expires=${now + 600}`, `Expires=${now + 600}000`)],
  ],
  // CloudFront's own pages, and errors of functions
  ...(
    [
      ['geo-restriction', 'The Amazon CloudFront distribution is configured to block access from your country.'],
      ['waf', 'Request blocked. We can&#39;t connect to the server for this app or website at this time.'],
      ['method', 'This distribution is not configured to allow the HTTP request method that was used.'],
      ['bad-request', 'Bad request. We can&#39;t connect to the server for this app or website at this time.'],
      ['origin-unreachable', 'CloudFront wasn&#39;t able to connect to the origin.'.replace('&#39;', "'")],
      ['lambda-limit', 'The Lambda function associated with the CloudFront distribution was throttled.'],
      ['lambda-validation', 'The Lambda function result failed validation: a read-only header.'],
    ] as const
  ).map(([cause, text]): [string, string, string, () => string[]] => [
    `CloudFront's page: ${cause}`,
    'answer',
    `answered-by-${cause}`,
    () => answered(['x-cache: Error from cloudfront'], `The request could not be satisfied. ${text}`),
  ]),
  ...(
    [
      ['LambdaExecutionError', 'lambda-execution'],
      ['LambdaValidationError', 'lambda-validation'],
      ['LambdaLimitExceeded', 'lambda-limit'],
      ['FunctionExecutionError', 'function-execution'],
      ['FunctionThrottledError', 'function-throttled'],
    ] as const
  ).map(([cache, cause]): [string, string, string, () => string[]] => [
    `X-Cache: ${cache}`,
    'answer',
    `answered-by-${cause}`,
    () => answered([`x-cache: ${cache} from cloudfront`], ''),
  ]),
  [
    'an error page with status 200',
    'answer',
    'answered-by-error-page-200',
    () => answered(['x-cache: Error from cloudfront'], '<html>', '200 OK'),
  ],
  [
    'a challenge of WAF',
    'answer',
    'answered-by-waf-challenge',
    () => answered(['x-amzn-waf-action: challenge'], '', '202 Accepted'),
  ],
]

function plainBase64(value: string): string {
  return value.replace(/-/g, '+').replace(/_/g, '=').replace(/~/g, '/')
}

describe('explain', () => {
  it('is tested with at least ninety broken requests, each with its own mistake', () => {
    expect(broken.length).toBeGreaterThanOrEqual(90)
    expect(new Set(broken.map(([what]) => what)).size).toBe(broken.length)
  })

  it.each(broken)('names %s', async (_what, check, fault, args) => {
    const { status, out } = await run(['explain', ...args(), '--keys', keys, '--at', String(now), '--json'])
    const report = JSON.parse(out)
    expect({ check: report.firstFailure, fault: report.fault }).toEqual({ check, fault })
    expect(report.remedy).toMatch(/\.$/)
    expect(report.verdict).toBe('refused')
    expect(status).toBe(1)
  })

  it('names the URL that a canned signature must be over', async () => {
    const foreign = byHand(cannedPolicy(url.replace(host, 'files.example.net'), now + 600), url)
    const { out } = await run(['explain', foreign, '--keys', keys, '--at', String(now), '--json'])
    const report = JSON.parse(out)
    expect(report.fault).toBe('signature-wrong')
    expect(out).toContain(`for ${url}`)
    expect(report.remedy).toMatch(/^Sign exactly this URL/)
  })

  it.each(broken)('prints no secret of %s', async (_what, _check, _fault, makeArgs) => {
    const args = makeArgs()
    const { out, err } = await run(['explain', ...args, '--keys', keys])
    const json = await run(['explain', ...args, '--keys', keys, '--json'])
    expect(out).toContain('REFUSED at ')
    expect(err).toBe('')
    // Signatures, policies and stamps are longer than any id or time that is shown.
    const secrets = args.join(' ').match(/(?<=(Signature|Policy|edge-issued)(=|%3D))[^;&%\s]{20,}/g) ?? []
    for (const secret of secrets) {
      expect(out).not.toContain(secret.slice(0, 20))
      expect(json.out).not.toContain(secret.slice(0, 20))
    }
  })
})
