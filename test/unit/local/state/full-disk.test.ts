import { mkdirSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDiskReserve } from '../../../../local/state/disk-reserve.ts'
import { createLocalRevocations } from '../../../../local/state/revocation-stores.ts'
import { prepareState, readKeyValues, type StateFiles } from '../../../../local/state/state-files.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { revocationKey } from '../../../../shared/revocation/key-value.ts'
import { readRevocations, restore, revoke } from '../../../../shared/revocation/revoke.ts'
import { findSmallDisks, mountSmallDisk, type SmallDisk } from '../../../support/small-disk.ts'

/** Small file systems of their own, filled to the last byte and file. */

const now = 1_893_456_000

const kinds = await Promise.all(
  (['tmpfs', 'ext4'] as const).map(async (kind) => ({ kind, part: await findSmallDisks(kind) })),
)

describe.each(kinds)('a full disk, $kind', ({ kind, part }) => {
  const missing = part.missing()
  describe.skipIf(missing.length > 0)(missing.length > 0 ? `needs ${missing.join(', ')}` : 'mounted', () => {
    let disk: SmallDisk
    let place: { content: string; state: StateFiles; propagationDelay: number }
    beforeEach(() => {
      disk = mountSmallDisk(kind, 8, true)
      const content = join(disk.path, 'content')
      mkdirSync(content)
      place = { content, state: prepareState(join(disk.path, 'state'), 'ES256', now), propagationDelay: 0 }
    })
    afterEach(() => disk.unmount())

    const prefixOf = (index: number) => parseResourcePrefix(`/users/mallory-${index}/`)
    const revokedIn = async () => {
      // As a process that starts afterwards reads it.
      const { revocations } = await readRevocations(createLocalRevocations(place), now)
      return revocations.map(({ prefix }) => prefix)
    }

    it('leaves no room for a file without a reserve', () => {
      disk.fill()
      expect(() => prepareState(join(disk.path, 'other'), 'ES256', now)).toThrow(/ENOSPC/)
      expect(statfsSync(disk.path).bavail).toBe(0)
    })

    it('does not keep anyone from revoking, twenty times, while uploads take every byte that becomes free', async () => {
      const stores = createLocalRevocations(place)
      disk.fill()
      const prefixes = Array.from({ length: 20 }, (_, index) => prefixOf(index))
      for (const prefix of prefixes) {
        await revoke({ prefix }, stores, now)
        disk.fill()
      }
      expect(await revokedIn()).toEqual(prefixes)
      const entries = readKeyValues(place.state)
      expect(prefixes.filter((prefix) => !entries.has(revocationKey(prefix)))).toEqual([])
      expect(readdirSync(place.state.keyValueStore).length).toBe(prefixes.length + 1)
      expect(readdirSync(place.state.directory).filter((name) => /draft|lock/.test(name))).toEqual([])
    })

    it('does not keep anyone from giving access back', async () => {
      const stores = createLocalRevocations(place)
      await revoke({ prefix: prefixOf(1) }, stores, now)
      await revoke({ prefix: prefixOf(2) }, stores, now)
      disk.fill()
      expect(await restore({ prefix: prefixOf(1) }, stores, now)).toBe(true)
      expect(await revokedIn()).toEqual([prefixOf(2)])
    })

    it('is answered honestly once the reserve is used up, and nothing is lost', async () => {
      const stores = createLocalRevocations(place)
      disk.fill()
      const confirmed: string[] = []
      const failure = await (async () => {
        for (let index = 0; index < 200; index++) {
          await revoke({ prefix: prefixOf(index) }, stores, now)
          confirmed.push(prefixOf(index))
          disk.fill()
        }
      })().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
      expect((await revokedIn()).slice(0, confirmed.length)).toEqual(confirmed)
      // Room again: the next one works, and the reserve is there for the next time.
      disk.clear()
      await revoke({ prefix: prefixOf(999) }, stores, now)
      disk.fill()
      await revoke({ prefix: prefixOf(1000) }, stores, now)
      expect((await revokedIn()).slice(-2)).toEqual([prefixOf(999), prefixOf(1000)])
    })

    it('takes a text that is larger than a spare, too', () => {
      const reserve = openDiskReserve(join(disk.path, 'reserve'), { spares: 8, bytes: 4096 })
      disk.fill()
      const file = join(disk.path, 'content/large')
      reserve.write(file, 'x'.repeat(6000))
      expect(statfsSync(disk.path).bavail).toBeLessThan(8)
    })
  })
})
