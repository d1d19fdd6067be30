import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  newestUsableKey,
  parseKeyDocument,
  publicKeysOf,
  serializeKeyDocument,
} from '../../../../shared/keys/key-document.ts'
import { ecPrivatePem, ecPublicPem, rsaPrivatePem, rsaPublicPem } from '../../fixtures/key-pairs.ts'

const stampKey = 'Zm9yLXRlc3RzLW9ubHktZm9yLXRlc3RzLW9ubHktMDA'
const ec = { keyPairId: 'KEC', algorithm: 'ES256', privateKey: ecPrivatePem, publicKey: ecPublicPem, notBefore: 100 }
const rsa = { keyPairId: 'KRSA', algorithm: 'RS1', privateKey: rsaPrivatePem, publicKey: rsaPublicPem, notBefore: 200 }
const kms = { keyPairId: 'KKMS', algorithm: 'RS256', kmsKeyId: 'alias/cdn', publicKey: rsaPublicPem, notBefore: 300 }
const whole = { keys: [ec, rsa, kms], sessionSecret: 's'.repeat(32), stampKey }

const parse = (document: unknown) => parseKeyDocument(JSON.stringify(document))

describe('parseKeyDocument', () => {
  test('reads keys, session secret and stamp key', () => {
    const document = parse(whole)
    expect(document).toMatchObject({ sessionSecret: 's'.repeat(32), stampKey })
    expect(document.keys.map((key) => [key.keyPairId, key.algorithm, key.notBefore, key.kmsKeyId])).toEqual([
      ['KEC', 'ES256', 100, undefined],
      ['KRSA', 'RS1', 200, undefined],
      ['KKMS', 'RS256', 300, 'alias/cdn'],
    ])
    expect(document.keys.map((key) => key.privateKey?.asymmetricKeyType)).toEqual(['ec', 'rsa', undefined])
    expect([...publicKeysOf(document).keys()]).toEqual(['KEC', 'KRSA', 'KKMS'])
  })

  test('reads back what serializeKeyDocument wrote', () => {
    const document = parse(whole)
    const again = parseKeyDocument(serializeKeyDocument(document))
    expect(serializeKeyDocument(again)).toBe(serializeKeyDocument(document))
    expect(again.keys[0]?.privateKey?.equals(document.keys[0]?.privateKey as never)).toBe(true)
    expect(parseKeyDocument(serializeKeyDocument(parse({ keys: [ec], stampKey }))).sessionSecret).toBeUndefined()
  })

  const other = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: pem('pkcs8'),
    publicKeyEncoding: pem('spki'),
  })
  const p384 = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
    privateKeyEncoding: pem('pkcs8'),
    publicKeyEncoding: pem('spki'),
  })
  const rsa1024 = generateKeyPairSync('rsa', {
    modulusLength: 1024,
    privateKeyEncoding: pem('pkcs8'),
    publicKeyEncoding: pem('spki'),
  })

  test.each<[string, unknown]>([
    ['document', null],
    ['document', []],
    ['keys', { stampKey }],
    ['keys', { ...whole, keys: [] }],
    ['keys', { ...whole, keys: {} }],
    ['keys', { ...whole, keys: [ec, { ...rsa, keyPairId: 'KEC' }] }],
    ['keys[1]', { ...whole, keys: [ec, null] }],
    ['keys[0].keyPairId', { ...whole, keys: [{ ...ec, keyPairId: 'K; Path=/' }] }],
    ['keys[0].keyPairId', { ...whole, keys: [{ ...ec, keyPairId: 7 }] }],
    ['keys[0].algorithm', { ...whole, keys: [{ ...ec, algorithm: 'ES1' }] }],
    ['keys[0].algorithm', { ...whole, keys: [{ ...kms, algorithm: 'RS1' }] }],
    ['keys[0].notBefore', { ...whole, keys: [{ ...ec, notBefore: '100' }] }],
    ['keys[0].notBefore', { ...whole, keys: [{ ...ec, notBefore: 1.5 }] }],
    ['keys[0].kmsKeyId', { ...whole, keys: [{ ...kms, kmsKeyId: '' }] }],
    ['keys[0]', { ...whole, keys: [{ ...ec, kmsKeyId: 'alias/cdn' }] }],
    ['keys[0]', { ...whole, keys: [{ ...ec, privateKey: undefined }] }],
    ['keys[0].privateKey', { ...whole, keys: [{ ...ec, privateKey: 'SECRET' }] }],
    ['keys[0].privateKey', { ...whole, keys: [{ ...ec, privateKey: ecPublicPem }] }],
    ['keys[0].privateKey', { ...whole, keys: [{ ...ec, privateKey: ecPrivatePem.replace(/[A-Z]{3}/g, 'SECRET') }] }],
    ['keys[0].privateKey', { ...whole, keys: [{ ...ec, privateKey: other.privateKey }] }],
    ['keys[0].privateKey', { ...whole, keys: [{ ...ec, privateKey: rsaPrivatePem }] }],
    ['keys[0].publicKey', { ...whole, keys: [{ ...ec, publicKey: ecPrivatePem }] }],
    ['keys[0].publicKey', { ...whole, keys: [{ ...ec, publicKey: undefined }] }],
    ['keys[0].publicKey', { ...whole, keys: [{ ...ec, publicKey: rsaPublicPem }] }],
    ['keys[0].publicKey', { ...whole, keys: [{ ...ec, ...p384 }] }],
    ['keys[0].publicKey', { ...whole, keys: [{ ...rsa, ...rsa1024 }] }],
    ['sessionSecret', { ...whole, sessionSecret: 'SECRET' }],
    ['sessionSecret', { ...whole, sessionSecret: null }],
    ['stampKey', { ...whole, stampKey: undefined }],
    ['stampKey', { ...whole, stampKey: 'SECRET' }],
    ['stampKey', { ...whole, stampKey: `${stampKey}=` }],
  ])('names %s and shows no value: %#', (field, document) => {
    let message = ''
    try {
      parse(document)
    } catch (error) {
      expect(error).toMatchObject({ name: 'ServiceError', code: 'ERR_KEYS_INVALID' })
      expect((error as Error).cause).toBeUndefined()
      message = (error as Error).message
    }
    expect(message.slice(0, `key document: ${field} `.length)).toBe(`key document: ${field} `)
    expect(message).not.toMatch(/SECRET|BEGIN|Path=/)
  })

  test('shows nothing of a text that is no JSON', () => {
    expect(() => parseKeyDocument(`{"stampKey": "${stampKey}"`)).toThrow(/^key document: document must be JSON$/)
  })
})

describe('newestUsableKey', () => {
  const document = parse(whole)

  test.each([
    [100, 'KEC'],
    [199, 'KEC'],
    [200, 'KRSA'],
    [9999, 'KKMS'],
  ])('at %i it is %s', (now, keyPairId) => expect(newestUsableKey(document, now).keyPairId).toBe(keyPairId))

  test('does not depend on the order of the list', () => {
    const reversed = { ...document, keys: [...document.keys].reverse() }
    expect(newestUsableKey(reversed, 250).keyPairId).toBe('KRSA')
  })

  test('throws while no key is usable', () => {
    expect(() => newestUsableKey(document, 99)).toThrow(
      expect.objectContaining({ name: 'ServiceError', code: 'ERR_KEYS_INVALID' }),
    )
  })
})

function pem<T extends 'pkcs8' | 'spki'>(type: T) {
  return { type, format: 'pem' } as const
}
