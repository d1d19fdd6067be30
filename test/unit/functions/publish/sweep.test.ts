/** The hourly sweep over an incoming area that answers what the test says; with a real S3 server: test/e2e/s3/sweep.test.ts. */
import { describe, expect, it } from 'vitest'
import { createPublishHandler } from '../../../../functions/publish/create-handler.ts'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import type { ArrivedUpload } from '../../../../shared/assets/s3/list.ts'
import { AssetError, ServiceError } from '../../../../shared/errors.ts'

const now = 1_800_000_000
const idOf = (letter: string) => letter.repeat(22)
const longAgo = (letter: string): ArrivedUpload => ({ id: idOf(letter), arrivedAt: now - 3600 })

function setUp(area: readonly ArrivedUpload[], answers: Record<string, Error> = {}) {
  const asked: string[] = []
  const logged: Readonly<Record<string, unknown>>[] = []
  let uploadsInTime = Number.POSITIVE_INFINITY
  const store = {
    async incoming(id: string) {
      if (asked.at(-1) !== id) asked.push(id)
      if (answers[id] !== undefined) throw answers[id]
    },
  } as unknown as AssetStore
  const handler = createPublishHandler({
    options: { store, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false },
    keyPrefix: '',
    stageName: 'svc-test',
    // Two names a page.
    async list(after = '') {
      const rest = area.filter(({ id }) => id > after)
      return { uploads: rest.slice(0, 2), next: rest.length > 2 ? rest[1]?.id : undefined }
    },
    nowMs: () => now * 1000,
    newId: () => idOf('c'),
    log: (entry) => logged.push(entry),
  })
  const context = { getRemainingTimeInMillis: () => (uploadsInTime-- > 0 ? 60_000 : 1000) }
  return {
    asked,
    logged,
    sweep: (most = Number.POSITIVE_INFINITY) => {
      uploadsInTime = most
      return handler({ source: 'aws.events' }, context)
    },
  }
}

describe('the hourly sweep', () => {
  it('looks at each upload once, from a random place round to it, over all pages', async () => {
    const { sweep, asked, logged } = setUp(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(longAgo))
    await sweep()
    expect(asked.map((id) => id[0]).join('')).toBe('defgabc')
    expect(logged).toEqual([{ level: 'info', message: 'swept', published: 0, refused: 0, faults: 0, isComplete: true }])
  })

  it('leaves to its event what has just arrived', async () => {
    const { sweep, asked } = setUp([longAgo('a'), { id: idOf('b'), arrivedAt: now - 599 }])
    await sweep()
    expect(asked).toEqual([idOf('a')])
  })

  it('ends when its time ends, and says that it is not done', async () => {
    const { sweep, asked, logged } = setUp(['a', 'b', 'd', 'e', 'f'].map(longAgo))
    await sweep(2)
    expect(asked).toEqual([idOf('d'), idOf('e')])
    expect(logged).toMatchObject([{ level: 'warn', isComplete: false }])
  })

  it('goes on after what is refused and after a fault, and fails in the end for a fault alone', async () => {
    const refusing = setUp(['d', 'e'].map(longAgo), { [idOf('d')]: new AssetError('ERR_UPLOAD_NOT_FOUND') })
    await refusing.sweep()
    expect(refusing.logged).toMatchObject([{ refused: 1, faults: 0, isComplete: true }])
    const failing = setUp(['d', 'e', 'f'].map(longAgo), {
      [idOf('d')]: new ServiceError('ERR_STORE_UNAVAILABLE', 'S3 answered SlowDown'),
      [idOf('e')]: new TypeError('users/alice/secret.txt'),
    })
    await expect(failing.sweep()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(failing.asked).toHaveLength(3)
    expect(failing.logged).toMatchObject([
      { level: 'error', code: 'ERR_STORE_UNAVAILABLE', reason: 'S3 answered SlowDown' },
      { level: 'error', code: 'ERR_INTERNAL', name: 'TypeError' },
      { faults: 2, isComplete: true },
    ])
    expect(JSON.stringify(failing.logged)).not.toContain('alice')
  })
})
