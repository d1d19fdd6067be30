import { describe, expect, test } from 'vitest'
import { RefreshingCache } from '../../../../shared/operations/refreshing-cache.ts'

/** A cache whose loads are answered by the test, in order. */
function setUp(options: { random?: () => number } = {}) {
  const loads: PromiseWithResolvers[] = []
  const cache = new RefreshingCache<string>({
    load: () => {
      const load = withResolvers()
      loads.push(load)
      return load.promise
    },
    softTtl: 300,
    hardTtl: 3600,
    random: options.random ?? (() => 1),
    retryAfter: 2,
    maxRetryAfter: 10,
  })
  const settle = (what: string | Error) => {
    const load = loads.at(-1)
    if (what instanceof Error) load?.reject(what)
    else load?.resolve(what)
  }
  return { cache, loads, settle }
}

interface PromiseWithResolvers {
  promise: Promise<string>
  resolve(value: string): void
  reject(error: Error): void
}

function withResolvers(): PromiseWithResolvers {
  const load = {} as PromiseWithResolvers
  load.promise = new Promise((resolve, reject) => Object.assign(load, { resolve, reject }))
  return load
}

async function warm(options = {}) {
  const made = setUp(options)
  const first = made.cache.get(0)
  made.settle('one')
  await first
  return made
}

describe('RefreshingCache', () => {
  test('loads once for all callers of a cold start', async () => {
    const { cache, loads, settle } = setUp()
    const callers = [cache.get(0), cache.get(0), cache.get(1)]
    settle('one')
    expect(await Promise.all(callers)).toEqual(['one', 'one', 'one'])
    expect(loads).toHaveLength(1)
  })

  test('does not load while the value is fresh', async () => {
    const { cache, loads } = await warm()
    expect(await cache.get(299)).toBe('one')
    expect(loads).toHaveLength(1)
  })

  test('past the soft TTL one caller refreshes, the others use what is there', async () => {
    const { cache, loads, settle } = await warm()
    const refreshing = cache.get(300)
    expect(await cache.get(300)).toBe('one')
    expect(await cache.get(301)).toBe('one')
    expect(loads).toHaveLength(2)
    settle('two')
    expect(await refreshing).toBe('two')
    expect(await cache.get(302)).toBe('two')
  })

  test('an outage is not noticed before the hard TTL', async () => {
    const { cache, settle } = await warm()
    for (let now = 300; now < 3600; now += 50) {
      const asked = cache.get(now)
      settle(new Error('away'))
      expect(await asked).toBe('one')
    }
    const asked = cache.get(3600)
    settle(new Error('still away'))
    await expect(asked).rejects.toThrow('still away')
  })

  test('past the hard TTL all wait for one load', async () => {
    const { cache, loads, settle } = await warm()
    const callers = [cache.get(3600), cache.get(3600)]
    expect(loads).toHaveLength(2)
    settle('two')
    expect(await Promise.all(callers)).toEqual(['two', 'two'])
  })

  test('waits longer after each failure, up to the longest wait, and starts over after a success', async () => {
    const { cache, loads, settle } = await warm()
    let now = 300
    for (const wait of [2, 4, 8, 10, 10]) {
      const before = loads.length
      const asked = cache.get(now)
      expect(loads).toHaveLength(before + 1)
      settle(new Error('away'))
      expect(await asked).toBe('one')
      expect(await cache.get(now + wait - 0.01)).toBe('one')
      expect(loads).toHaveLength(before + 1)
      now += wait
    }
    const recovering = cache.get(now)
    settle('two')
    expect(await recovering).toBe('two')
    const count = loads.length
    const failing = cache.get(now + 300)
    settle(new Error('away'))
    await failing
    await Promise.race([cache.get(now + 302), Promise.resolve()])
    expect(loads).toHaveLength(count + 2)
  })

  test('spreads the wait over its second half', async () => {
    const { cache, loads, settle } = await warm({ random: () => 0 })
    const asked = cache.get(300)
    settle(new Error('away'))
    await asked
    await cache.get(300.99)
    expect(loads).toHaveLength(2)
    void cache.get(301)
    expect(loads).toHaveLength(3)
  })

  test('repeats the last error of a cold start during the wait, then tries again', async () => {
    const { cache, loads, settle } = setUp()
    const asked = cache.get(0)
    settle(new Error('away'))
    await expect(asked).rejects.toThrow('away')
    await expect(cache.get(1.9)).rejects.toThrow('away')
    expect(loads).toHaveLength(1)
    const again = cache.get(2)
    settle('one')
    expect(await again).toBe('one')
  })

  test('a load that throws at once counts as a failure', async () => {
    const cache = new RefreshingCache<string>({
      load: () => {
        throw new Error('broken')
      },
      softTtl: 1,
      hardTtl: 2,
      random: () => 0,
    })
    await expect(cache.get(0)).rejects.toThrow('broken')
    await expect(cache.get(10)).rejects.toThrow('broken')
  })
})
