import { AwsV4Signer } from 'aws4fetch'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AwsRequest, signedRequest, signV4 } from '../../../../../shared/aws/edge/signature-v4.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const nowMs = Date.UTC(2015, 7, 30, 12, 36)

/** Another implementation's signature of the same request and headers. */
async function theirs(request: AwsRequest, sessionToken: string | undefined, headers: Record<string, string>) {
  const { authorization, ...rest } = headers
  const signer = new AwsV4Signer({
    ...credentials,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: request.service,
    region: request.region,
    url: request.url,
    method: request.body === undefined ? 'GET' : 'POST',
    headers: rest,
    ...(request.body === undefined ? {} : { body: request.body }),
    datetime: '20150830T123600Z',
    allHeaders: true,
  })
  return (await signer.sign()).headers.get('authorization')
}

test('signs as another implementation does, whatever the request', async () => {
  const word = fc.stringMatching(/^[a-z0-9-]{1,12}$/)
  const segment = fc.stringMatching(/^[\w.~-]{1,12}$/).filter((text) => text !== '.' && text !== '..')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('s3', 'kms', 'secretsmanager'),
      word,
      fc.array(segment, { maxLength: 3 }),
      fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
      fc.option(word, { nil: undefined }),
      fc.dictionary(fc.constantFrom('content-type', 'x-amz-target', 'x-a', 'accept'), word),
      async (service, region, segments, body, sessionToken, headers) => {
        const url = `https://${service}.${region}x.amazonaws.com/${segments.join('/')}`
        const request = { service, region, url, headers, ...(body === undefined ? {} : { body }) }
        const token = sessionToken === undefined ? {} : { sessionToken }
        const ours = signV4(request, { ...credentials, ...token }, nowMs)
        expect(ours.authorization).toBe(await theirs(request, sessionToken, ours))
      },
    ),
  )
})

test.each(['https://h.example/?a=b', 'https://h.example/a b', 'https://h.example/é', 'https://h.example', 'h/'])(
  'does not sign %s, whose canonical form it does not know',
  (url) => {
    expect(() => signV4({ service: 's3', region: 'us-east-1', url }, credentials, nowMs)).toThrow(TypeError)
  },
)

test('makes a request with the signed headers and the body', () => {
  const asked = { service: 'kms', region: 'eu-west-1', url: 'https://kms.eu-west-1.amazonaws.com/', body: '{}' }
  const signing = { credentials: () => credentials, nowMs: () => nowMs }
  const { url, body, ...read } = asked
  expect(signedRequest(asked, signing)).toEqual({
    ...{ url, method: 'POST', body },
    headers: signV4(asked, credentials, nowMs),
  })
  expect(signedRequest({ url, ...read }, signing).method).toBe('GET')
})
