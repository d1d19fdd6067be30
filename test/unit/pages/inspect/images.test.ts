import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ImageError, type ImageListing } from '../../../../pages/inspect/image.ts'
import { listImage } from '../../../../pages/inspect/open-image.ts'

const work = mkdtempSync(join(tmpdir(), 'edge-signer-images-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** The files of every image. */
const deep = 'one/two/three/four/five/six/seven/eight/nine/deep.txt'
const files: Readonly<Record<string, Buffer>> = {
  'readme.txt': Buffer.from('hello\n'),
  'A long name with spaces and ümlauts.data': Buffer.alloc(3_000_001, 'abcdefghij'),
  'docs/empty': Buffer.alloc(0),
  'docs/sub/big.bin': Buffer.from(Uint32Array.from({ length: 700_000 }, (_, i) => Math.imul(i, 2654435761)).buffer),
  [deep]: Buffer.from('deep'),
}
const tree = join(work, 'tree')
for (const [path, bytes] of Object.entries(files)) {
  mkdirSync(join(tree, path, '..'), { recursive: true })
  writeFileSync(join(tree, path), bytes)
}

/** Programs of Debian's xorriso, dosfstools, mtools and zip. */
const missing = (...programs: string[]) => programs.filter((name) => !isProgram(name))

function isProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)))
}

function describeWith(title: string, programs: string[], define: () => void): void {
  const lacking = missing(...programs)
  const name = lacking.length === 0 ? title : `${title} (needs ${lacking.join(', ')})`
  describe.skipIf(lacking.length > 0)(name, define)
}

const quiet = { stdio: 'pipe', env: { ...process.env, MTOOLS_SKIP_CHECK: '1', LC_ALL: 'C.UTF-8' } } as const

/** Lists bytes; `fetched` counts what was read. */
async function list(bytes: Uint8Array) {
  const count = { fetched: 0 }
  const listing = await listImage(async (offset, length) => {
    count.fetched += length
    return bytes.subarray(offset, offset + length)
  }, bytes.length)
  return { ...listing, fetched: count.fetched }
}

async function contentOf(listing: ImageListing, path: string): Promise<Buffer> {
  const entry = listing.entries.find((one) => one.path === path)
  if (entry === undefined) throw new Error(`no ${path} among ${listing.entries.map((one) => one.path).join(', ')}`)
  const pieces: Uint8Array[] = []
  for await (const piece of entry.extract()) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function expectTree(bytes: Uint8Array, format: string): Promise<void> {
  const listing = await list(bytes)
  expect(listing.format).toBe(format)
  expect(
    listing.entries
      .filter(({ isFolder }) => !isFolder)
      .map(({ path }) => path)
      .sort(),
  ).toEqual(Object.keys(files).sort())
  expect(listing.entries.some(({ path, isFolder }) => path === 'docs/sub' && isFolder)).toBe(true)
  expect(listing.fetched / bytes.length).toBeLessThan(0.03)
  for (const [path, content] of Object.entries(files)) {
    expect(content.equals(await contentOf(listing, path)), path).toBe(true)
  }
}

/** The reason for which a listing, or an extraction of all files up to a size, fails. */
async function reasonOf(bytes: Uint8Array, maxBytes = Number.POSITIVE_INFINITY): Promise<string> {
  try {
    const { entries } = await list(bytes)
    for (const entry of entries) if (entry.size <= maxBytes) for await (const _ of entry.extract());
    return 'read'
  } catch (error) {
    if (error instanceof ImageError) return error.reason
    throw error
  }
}

/** Overwrites single bytes of an image: nothing but an ImageError may come of it, within bounds. */
async function expectHardened(bytes: Buffer, from: number, to: number): Promise<void> {
  const reasons = new Set<string>()
  for (let at = from; at < to; at++) {
    const before = bytes[at] ?? 0
    for (const value of [0x00, 0xff]) {
      bytes[at] = value
      reasons.add(await reasonOf(bytes, 10_000))
    }
    bytes[at] = before
  }
  expect(reasons.size).toBeGreaterThan(1)
}

describeWith('ISO 9660 made by xorriso', ['xorriso'], () => {
  const make = (...options: string[]) => {
    const path = join(work, `image-${options.join('')}.iso`)
    execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', ...options, '-o', path, tree], quiet)
    return readFileSync(path)
  }

  it('lists Rock Ridge, with names as they were and folders that were moved', async () => {
    await expectTree(make('-R', '-J'), 'ISO 9660, Rock Ridge')
  })

  it('lists Joliet where there is no Rock Ridge', async () => {
    await expectTree(make('--norock', '-J', '-joliet-long'), 'ISO 9660, Joliet')
  })

  it('lists plain names', async () => {
    const listing = await list(make('--norock', '-iso-level', '3'))
    expect(listing.format).toBe('ISO 9660')
    expect(await contentOf(listing, 'README.TXT')).toEqual(files['readme.txt'])
  })

  it('tells an image that was cut', async () => {
    const bytes = make('-R')
    expect(await reasonOf(bytes.subarray(0, 40_000))).toBe('truncated')
    expect(await reasonOf(bytes.subarray(0, 2_000_000))).toBe('truncated')
  })

  it('tells a folder that holds itself', async () => {
    const bytes = make('-R')
    const root = bytes.readUInt32LE(16 * 2048 + 158)
    const at = root * 2048
    // The record of the first folder gets the extent of the root.
    for (let record = at; bytes[record] !== 0; record += bytes[record] ?? 0) {
      const isFolder = ((bytes[record + 25] ?? 0) & 2) !== 0 && (bytes[record + 32] ?? 0) > 1
      if (isFolder) bytes.writeUInt32LE(root, record + 2)
    }
    expect(await reasonOf(bytes)).toBe('loop')
  })

  it('survives every single wrong byte of the descriptor and the root', async () => {
    const bytes = make('-R')
    await expectHardened(bytes, 16 * 2048, 16 * 2048 + 190)
    const root = bytes.readUInt32LE(16 * 2048 + 158) * 2048
    await expectHardened(bytes, root, root + 300)
  })
})

describeWith('FAT made by mkfs.fat and mtools', ['mkfs.fat', 'mcopy'], () => {
  const made = new Map<string, Buffer>()
  const make = (bits: string, kilobytes: number, options: string[] = []) => {
    const path = join(work, `fat${bits}.img`)
    const key = bits + options.join()
    if (!made.has(key)) {
      execFileSync('mkfs.fat', ['-C', '-F', bits, ...options, path, String(kilobytes)], quiet)
      execFileSync(
        'mcopy',
        ['-s', '-i', path, ...['readme.txt', 'docs', 'one'].map((name) => join(tree, name)), '::'],
        quiet,
      )
      execFileSync('mcopy', ['-i', path, join(tree, 'A long name with spaces and ümlauts.data'), '::'], quiet)
      made.set(key, readFileSync(path))
      rmSync(path)
    }
    return Buffer.from(made.get(key) as Buffer)
  }

  it.each([
    ['12', 12_000, ['-s', '8']],
    ['16', 40_000, []],
    ['32', 80_000, ['-s', '1']],
  ] as const)('lists FAT%s with long names', async (bits, kilobytes, options) => {
    await expectTree(make(bits, kilobytes, [...options]), `FAT${bits}`)
  })

  it('finds the volume in a partition', async () => {
    const volume = make('16', 40_000)
    const disk = Buffer.alloc(volume.length + 1024 * 1024)
    volume.copy(disk, 1024 * 1024)
    disk[446 + 4] = 0x0e
    disk.writeUInt32LE(2048, 446 + 8)
    disk.writeUInt16BE(0x55aa, 510)
    await expectTree(disk, 'FAT16')
  })

  it('tells chains that close on themselves, lead nowhere or end early', async () => {
    for (const [value, reasons] of [
      [2, ['loop', 'damaged', 'read']],
      [0, ['damaged']],
      [0xffff, ['damaged']],
    ] as const) {
      const bytes = make('16', 40_000)
      const table = bytes.readUInt16LE(14) * bytes.readUInt16LE(11)
      for (let cluster = 2; cluster < 3000; cluster++) bytes.writeUInt16LE(value, table + cluster * 2)
      expect(reasons).toContain(await reasonOf(bytes))
    }
  })

  it('survives every single wrong byte of the boot sector and the root', async () => {
    const bytes = make('12', 12_000, ['-s', '8'])
    await expectHardened(bytes, 0, 40)
    const root = (bytes.readUInt16LE(14) + (bytes[16] ?? 0) * bytes.readUInt16LE(22)) * bytes.readUInt16LE(11)
    await expectHardened(bytes, root, root + 256)
  })
})

describeWith('ZIP made by zip', ['zip'], () => {
  const make = (...options: string[]) => {
    const path = join(work, `archive${options.join('')}.zip`)
    execFileSync('zip', ['-q', '-r', ...options, path, '.'], { ...quiet, cwd: tree })
    return readFileSync(path)
  }

  it('lists what was stored', async () => {
    await expectTree(make('-0'), 'ZIP')
  })

  it('inflates what was compressed', async () => {
    await expectTree(make('-6'), 'ZIP')
  })

  it('lists ZIP64', async () => {
    // From a pipe, zip does not know the size and writes ZIP64.
    const path = join(work, 'stream.zip')
    const input = files['docs/sub/big.bin'] as Buffer
    execFileSync('zip', ['-q', '-fz', path, '-'], { ...quiet, input })
    const bytes = readFileSync(path)
    expect(bytes.includes(Buffer.from('PK\u0006\u0006'))).toBe(true)
    expect(input.equals(await contentOf(await list(bytes), '-'))).toBe(true)
  })

  it('tells a file with another checksum, one that is longer than declared, and an encrypted one', async () => {
    for (const [offset, reason] of [
      [16, 'damaged'],
      [24, 'damaged'],
      [8, 'encrypted'],
    ] as const) {
      const bytes = make('-6')
      const name = bytes.lastIndexOf(Buffer.from('readme.txt'))
      bytes.writeUInt16LE(1, name - 46 + offset)
      expect(await reasonOf(bytes)).toBe(reason)
    }
  })

  it('leaves out names that lead out of the archive', async () => {
    const bytes = make('-0')
    const name = bytes.lastIndexOf(Buffer.from('readme.txt'))
    bytes.write('../../.ssh', name)
    const listing = await list(bytes)
    expect(listing.skipped).toBe(1)
    expect(listing.entries.every(({ path }) => !path.includes('..'))).toBe(true)
  })

  it('survives every single wrong byte of the end and the directory', async () => {
    const bytes = make('-6')
    await expectHardened(bytes, bytes.length - 22, bytes.length)
    const directory = bytes.readUInt32LE(bytes.length - 6)
    await expectHardened(bytes, directory, directory + 120)
  })
})

const demo = new URL('../../../../.local/tools/usr/lib/grub-rescue/grub-rescue-cdrom.iso', import.meta.url).pathname
describe.skipIf(!existsSync(demo))(
  `the demo's bootable image${existsSync(demo) ? '' : ' (needs npm run setup)'}`,
  () => {
    it('is listed with at most 3 % of its bytes, and its boot loader is read', async () => {
      const bytes = readFileSync(demo)
      const listing = await list(bytes)
      expect(listing.entries.length).toBeGreaterThan(100)
      expect(listing.fetched / bytes.length).toBeLessThanOrEqual(0.03)
      expect(await contentOf(listing, 'boot/grub/grub.cfg')).not.toHaveLength(0)
    })
  },
)

it('tells files that are no image', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(100_000), Buffer.alloc(100_000, 'PK')])
    expect(await reasonOf(bytes)).toBe('unknown-format')
})

it('refuses a reader that returns fewer bytes than asked for', async () => {
  const path = join(work, 'short')
  writeFileSync(path, Buffer.alloc(100_000))
  truncateSync(path, 50_000)
  await expect(listImage(async () => new Uint8Array(3), 100_000)).rejects.toMatchObject({ reason: 'truncated' })
})
