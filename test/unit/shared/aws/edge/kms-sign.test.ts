import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createKmsSign } from '../../../../../shared/aws/edge/kms-sign.ts'
import type { OutgoingRequest } from '../../../../../shared/http/message.ts'
import { ecPrivatePem, ecPublicPem } from '../../../fixtures/key-pairs.ts'

const message = Buffer.from('{"Statement":[]}')

/** KMS as its API describes it, answering with these statuses in turn, then 200. */
function kms(...statuses: number[]) {
  const sent: { url: string; headers: OutgoingRequest['headers']; body: Record<string, string> }[] = []
  const kmsSign = createKmsSign({
    send: async (request) => {
      const body = JSON.parse(request.body ?? '') as Record<string, string>
      sent.push({ url: request.url, headers: request.headers, body })
      const status = statuses.shift() ?? 200
      if (status !== 200) return { status, body: '{"message":"arn:aws:iam::1:role/secret-name"}' }
      const signature = sign('sha256', Buffer.from(body.Message ?? '', 'base64'), createPrivateKey(ecPrivatePem))
      return { status, body: JSON.stringify({ Signature: signature.toString('base64') }) }
    },
    credentials: () => ({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }),
    nowMs: () => 1_800_000_000_000,
  })
  return { kmsSign, sent }
}

describe('KMS Sign', () => {
  it('signs the message itself, in the Region of the key', async () => {
    const { kmsSign, sent } = kms()
    const keyId = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd'
    const signature = await kmsSign(keyId, 'ECDSA_SHA_256', message)
    expect(verify('sha256', message, createPublicKey(ecPublicPem), signature)).toBe(true)
    expect(sent[0]?.url).toBe('https://kms.eu-west-1.amazonaws.com/')
    expect(sent[0]?.headers['x-amz-target']).toBe('TrentService.Sign')
    expect(sent[0]?.headers.authorization).toContain('/20270115/eu-west-1/kms/aws4_request')
    expect(sent[0]?.body).toMatchObject({ KeyId: keyId, MessageType: 'RAW', SigningAlgorithm: 'ECDSA_SHA_256' })
  })

  it('asks us-east-1 where the id names no Region', async () => {
    const { kmsSign, sent } = kms()
    await kmsSign('1234abcd', 'RSASSA_PKCS1_V1_5_SHA_256', message)
    expect(sent[0]?.url).toBe('https://kms.us-east-1.amazonaws.com/')
  })

  it('is retried after an outage, not after a refusal, whose error has the status only', async () => {
    const outage = kms(500)
    expect(await outage.kmsSign('k', 'ECDSA_SHA_256', message)).toBeInstanceOf(Buffer)
    expect(outage.sent).toHaveLength(2)
    const refusal = kms(400)
    await expect(refusal.kmsSign('k', 'ECDSA_SHA_256', message)).rejects.toThrow(/^KMS answered 400$/)
    expect(refusal.sent).toHaveLength(1)
  })
})
