import { expect, it } from 'vitest'
import config from '../../../../edge-signer.config.ts'
import { prepareStack } from '../../../../infra/keys/prepare-stack.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import { serializeKeyDocument } from '../../../../shared/keys/key-document.ts'
import { makeKeyDocument, makeKeyPair, signingKey } from '../../../../shared/keys/make-key-pair.ts'
import { parseRevocationState } from '../../../../shared/revocation/state.ts'

const deployment = parseDeployment(config, 'dev')
const document = makeKeyDocument(signingKey(makeKeyPair('ES256'), 'K1', 1_800_000_000), undefined)

function fakeStack(secret: string | undefined) {
  const keyValues = new Map<string, string>()
  const objects = new Map<string, { text: string; contentType: string }>()
  const lines: string[] = []
  const write = async (key: string, body: Uint8Array, contentType: string) => {
    objects.set(key, { text: Buffer.from(body).toString(), contentType })
  }
  const stores = {
    secrets: { read: async (name: string) => (name === 'edge-signer/dev/keys' ? secret : undefined) },
    keyValues: {
      read: async (key: string) => keyValues.get(key),
      write: async (key: string, value: string) => void keyValues.set(key, value),
    },
    objects: {
      write,
      writeIfAbsent: async (key: string, body: Uint8Array, contentType: string) => {
        if (objects.has(key)) return false
        await write(key, body, contentType)
        return true
      },
    },
  }
  return { keyValues, objects, lines, run: () => prepareStack(deployment, stores, (line) => lines.push(line)) }
}

it('puts stamp key, pages and an empty revocation state in place', async () => {
  const stack = fakeStack(serializeKeyDocument(document))
  await stack.run()
  expect([...stack.keyValues]).toEqual([['stampKey', document.stampKey]])
  expect(stack.objects.get('_edge/pages/403.html')).toMatchObject({ contentType: 'text/html; charset=utf-8' })
  expect(stack.objects.get('_edge/pages/403.html')?.text).toContain('<html lang="en">')
  expect([...stack.objects.keys()].filter((key) => key.startsWith('_edge/'))).toEqual(['_edge/pages/403.html'])
  expect(parseRevocationState(stack.objects.get('_state/revocations.json')?.text ?? '').revocations).toEqual([])
  expect(stack.lines.join('\n')).not.toContain(document.stampKey)
})

it('keeps revocations when it is run again', async () => {
  const stack = fakeStack(serializeKeyDocument(document))
  stack.objects.set('_state/revocations.json', { text: 'as it was', contentType: 'application/json' })
  await stack.run()
  expect(stack.objects.get('_state/revocations.json')?.text).toBe('as it was')
})

it('says what to run first where there is no secret', async () => {
  const stack = fakeStack(undefined)
  await expect(stack.run()).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }))
  expect(stack.objects.size).toBe(0)
})
