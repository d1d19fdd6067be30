import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import config from '../../../../edge-signer.config.ts'
import { createKeys } from '../../../../infra/keys/create-keys.ts'
import type { KeyGroup, KeyStores, NamedValues } from '../../../../infra/keys/stores.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import { newestUsableKey, parseKeyDocument } from '../../../../shared/keys/key-document.ts'

const deployment = parseDeployment(config, 'dev')
const now = 1_800_000_000

/** AWS in memory, with the rules that matter: names are unique, and a key in a group cannot be deleted. */
function fakeAws() {
  const publicKeys = new Map<string, { name: string; pem: string }>()
  const groups = new Map<string, KeyGroup>()
  const secrets = new Map<string, string>()
  const parameters = new Map<string, string>()
  const failing = new Set<string>()
  let ids = 0

  function attempt(operation: string): void {
    if (failing.has(operation)) throw Object.assign(new Error('denied'), { name: 'AccessDenied' })
  }
  function values(what: string, map: Map<string, string>, unique: boolean): NamedValues {
    return {
      async read(name) {
        return map.get(name)
      },
      async write(name, value) {
        attempt(`${what}.write`)
        if (unique && map.has(name)) throw new Error('exists')
        map.set(name, value)
      },
      async remove(name) {
        map.delete(name)
      },
    }
  }
  const stores: KeyStores = {
    cloudFront: {
      async createPublicKey(name, pem) {
        attempt('createPublicKey')
        if ([...publicKeys.values()].some((key) => key.name === name)) throw new Error('PublicKeyAlreadyExists')
        const id = `K${++ids}`
        publicKeys.set(id, { name, pem })
        return id
      },
      async deletePublicKey(id) {
        if ([...groups.values()].some((group) => group.keyPairIds.includes(id))) throw new Error('PublicKeyInUse')
        publicKeys.delete(id)
      },
      async findKeyGroup(name) {
        return [...groups.values()].find((group) => group.name === name)
      },
      async createKeyGroup(name, keyPairIds) {
        attempt('createKeyGroup')
        const id = `G${++ids}`
        groups.set(id, { id, name, keyPairIds })
        return id
      },
      async updateKeyGroup(group, keyPairIds) {
        attempt('updateKeyGroup')
        groups.set(group.id, { ...group, keyPairIds })
      },
      async deleteKeyGroup(id) {
        attempt('deleteKeyGroup')
        groups.delete(id)
      },
    },
    secrets: values('secrets', secrets, true),
    parameters: values('parameters', parameters, false),
  }
  const lines: string[] = []
  const run = (more: { sessionSecret?: string; stage?: string } = {}) =>
    createKeys(more.stage === undefined ? deployment : parseDeployment(config, more.stage), stores, {
      now,
      sessionSecret: more.sessionSecret,
      report: (line) => lines.push(line),
    })
  return { stores, publicKeys, groups, secrets, parameters, failing, lines, run }
}

describe('createKeys', () => {
  it('makes a key that CloudFront knows, trusts and finds in the stack', async () => {
    const aws = fakeAws()
    const groupId = await aws.run()
    const document = parseKeyDocument(aws.secrets.get('edge-signer/dev/keys') ?? '')
    const key = newestUsableKey(document, now)
    expect(key.algorithm).toBe('ES256')
    expect(createPublicKey(aws.publicKeys.get(key.keyPairId)?.pem ?? '').equals(key.publicKey)).toBe(true)
    expect(aws.groups.get(groupId)?.keyPairIds).toEqual([key.keyPairId])
    expect(aws.parameters.get('/edge-signer/dev/key-group-id')).toBe(groupId)
  })

  it('never reports a secret', async () => {
    const aws = fakeAws()
    await aws.run()
    const { stampKey, keys } = JSON.parse(aws.secrets.get('edge-signer/dev/keys') ?? '')
    const text = aws.lines.join('\n')
    expect(text).toContain('public key K1: made (ES256)')
    expect(text).not.toContain(stampKey)
    expect(text).not.toContain(keys[0].privateKey.split('\n')[1])
  })

  it('changes nothing when it is run again', async () => {
    const aws = fakeAws()
    const first = await aws.run()
    const before = [aws.secrets, aws.publicKeys, aws.groups, aws.parameters].map((map) => JSON.stringify([...map]))
    expect(await aws.run()).toBe(first)
    expect([aws.secrets, aws.publicKeys, aws.groups, aws.parameters].map((map) => JSON.stringify([...map]))).toEqual(
      before,
    )
    expect(aws.lines.slice(-3).every((line) => line.endsWith('kept'))).toBe(true)
  })

  it('mends a parameter that names another group', async () => {
    const aws = fakeAws()
    const groupId = await aws.run()
    aws.parameters.set('/edge-signer/dev/key-group-id', 'other')
    await aws.run()
    expect(aws.parameters.get('/edge-signer/dev/key-group-id')).toBe(groupId)
  })

  it('adds its key to a group that is there, and keeps the others', async () => {
    const aws = fakeAws()
    aws.groups.set('G0', { id: 'G0', name: 'edge-signer-dev-keys', keyPairIds: ['KOLD'] })
    expect(await aws.run()).toBe('G0')
    expect(aws.groups.get('G0')?.keyPairIds).toEqual(['KOLD', 'K1'])
  })

  it.each(['createPublicKey', 'secrets.write', 'createKeyGroup', 'parameters.write'])(
    'leaves nothing behind when %s fails',
    async (operation) => {
      const aws = fakeAws()
      aws.failing.add(operation)
      await expect(aws.run()).rejects.toThrow('denied')
      for (const map of [aws.secrets, aws.publicKeys, aws.groups, aws.parameters]) expect(map.size).toBe(0)
    },
  )

  it('gives a group back as it was', async () => {
    const aws = fakeAws()
    aws.groups.set('G0', { id: 'G0', name: 'edge-signer-dev-keys', keyPairIds: ['KOLD'] })
    aws.failing.add('parameters.write')
    await expect(aws.run()).rejects.toThrow('denied')
    expect(aws.groups.get('G0')?.keyPairIds).toEqual(['KOLD'])
    expect(aws.publicKeys.size).toBe(0)
  })

  it('keeps what an earlier run made when a later one fails', async () => {
    const aws = fakeAws()
    await aws.run()
    aws.parameters.clear()
    aws.failing.add('parameters.write')
    await expect(aws.run()).rejects.toThrow('denied')
    expect([aws.secrets.size, aws.publicKeys.size, aws.groups.size]).toEqual([1, 1, 1])
  })

  it('says what it could not take back, and throws the first error', async () => {
    const aws = fakeAws()
    aws.failing.add('parameters.write').add('deleteKeyGroup')
    await expect(aws.run()).rejects.toThrow('denied')
    expect(aws.lines.some((line) => /^key group G2: could not be taken back/.test(line))).toBe(true)
    expect(aws.secrets.size).toBe(0)
  })

  it('wants the secret of HS256 sessions, and stores it', async () => {
    const aws = fakeAws()
    await expect(aws.run({ stage: 'local' })).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }))
    expect(aws.publicKeys.size).toBe(0)
    await aws.run({ stage: 'local', sessionSecret: 's'.repeat(32) })
    expect(parseKeyDocument(aws.secrets.get('edge-signer/local/keys') ?? '').sessionSecret).toBe('s'.repeat(32))
  })

  it('refuses a session secret that no function would load, and leaves nothing behind', async () => {
    const aws = fakeAws()
    await expect(aws.run({ sessionSecret: 'short' })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_KEYS_INVALID' }),
    )
    expect(aws.publicKeys.size).toBe(0)
  })
})
