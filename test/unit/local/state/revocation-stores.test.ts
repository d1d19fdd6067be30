import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLocalRevocations } from '../../../../local/state/revocation-stores.ts'
import { prepareState, readKeyValues, type StateFiles, storeFileName } from '../../../../local/state/state-files.ts'

let folder: string
let state: StateFiles
const key = 'revoked/users/alice/'
const isSeen = () => existsSync(join(state.keyValueStore, storeFileName(key)))
const open = (propagationDelay = 0) =>
  createLocalRevocations({ content: join(folder, 'content'), state, propagationDelay })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-signer-stores-'))
  state = prepareState(join(folder, 'state'), 'ES256', 1_893_456_000)
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

describe('the state object', () => {
  it('is written only on top of the version that was read', async () => {
    const { state: object } = open()
    expect(await object.load()).toBeUndefined()
    expect(await object.save('a', '"x"')).toBe('changed-meanwhile')
    expect(await object.save('a', undefined)).toBe('saved')
    expect(await object.save('b', undefined)).toBe('changed-meanwhile')
    const loaded = await object.load()
    expect(loaded?.json).toBe('a')
    const outcomes = await Promise.all([object.save('b', loaded?.version), object.save('c', loaded?.version)])
    expect(outcomes.sort()).toEqual(['changed-meanwhile', 'saved'])
  })
})

describe('the KeyValueStore', () => {
  it('takes a change at once and shows it to the edges when the delay is over', async () => {
    const { keyValues } = open(5)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { version } = await keyValues.list()
    const change = { puts: new Map([[key, 'x']]), deletes: [] }
    expect(await keyValues.update(change, version)).toBe('updated')
    expect((await keyValues.list()).entries.get(key)).toBe('x')
    expect(await keyValues.update(change, version)).toBe('changed-meanwhile')
    vi.advanceTimersByTime(4999)
    expect(isSeen()).toBe(false)
    vi.advanceTimersByTime(1)
    expect(isSeen()).toBe(true)
  })

  it('shows changes in their order, each after its own delay', async () => {
    const { keyValues } = open(5)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await keyValues.update({ puts: new Map([[key, 'x']]), deletes: [] }, (await keyValues.list()).version)
    vi.advanceTimersByTime(3000)
    await keyValues.update({ puts: new Map(), deletes: [key] }, (await keyValues.list()).version)
    vi.advanceTimersByTime(2000)
    expect(isSeen()).toBe(true)
    vi.advanceTimersByTime(2999)
    expect(isSeen()).toBe(true)
    vi.advanceTimersByTime(1)
    expect(isSeen()).toBe(false)
  })

  it('catches up when the stage starts again', async () => {
    const { keyValues } = open(3600)
    await keyValues.update({ puts: new Map([[key, 'x']]), deletes: [] }, (await keyValues.list()).version)
    expect(isSeen()).toBe(false)
    prepareState(join(folder, 'state'), 'ES256', 1_893_456_000)
    expect(isSeen()).toBe(true)
    expect(readKeyValues(state).has('stampKey')).toBe(true)
  })
})
