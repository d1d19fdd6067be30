import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { localDirectory } from '../paths.ts'
import { unpackDebianPackages } from './debian-packages.ts'
import { withLock } from './lock.ts'

/** The name of the demo image, for links and the demo. */
export const demoImageName = 'grub-rescue-cdrom.iso'
const packagedImage = 'usr/lib/grub-rescue/grub-rescue-cdrom.iso'

/**
 * Makes sure of a bootable disk image and returns its path: that of Debian's `grub-rescue-pc` where it can be had, else a
 * generated image of the same name (8 MiB; every 512-byte sector differs from every other).
 */
export async function setUpDemoImage(
  log: (line: string) => void,
  directory = join(localDirectory, 'tools'),
): Promise<string> {
  const installed = [join('/', packagedImage), join(directory, packagedImage)].find((file) => existsSync(file))
  if (installed !== undefined) return installed
  return withLock(join(directory, '..', 'tools.lock'), async () => {
    const image = join(directory, packagedImage)
    if (existsSync(image)) return image
    try {
      await unpackDebianPackages(['grub-rescue-pc'], { root: directory, log })
    } catch {
      log('The rescue image cannot be downloaded here: a generated one takes its place.')
    }
    if (!existsSync(image)) replaceFile(image, (file) => writeFileSync(file, generateDisk()))
    return image
  })
}

/** Puts the demo's files into the content folder, each only where it is missing: what a user changed stays as it is. */
export function fillDemoContent(content: string, image: string): void {
  const files: ReadonlyArray<readonly [name: string, write: (file: string) => void]> = [
    [`users/alice/${demoImageName}`, (file) => copyFileSync(image, file)],
    ['users/alice/notes.txt', (file) => writeFileSync(file, "alice's notes\n")],
    ['users/bob/notes.txt', (file) => writeFileSync(file, "bob's notes\n")],
    ['teams/red/notes.txt', (file) => writeFileSync(file, "the red team's notes\n")],
    ['public/hello.txt', (file) => writeFileSync(file, 'hello, everybody\n')],
  ]
  for (const [name, write] of files) {
    const file = join(content, name)
    if (!existsSync(file)) replaceFile(file, write)
  }
}

/** Readers see the old file or the whole new one. */
function replaceFile(file: string, write: (file: string) => void): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  write(draft)
  renameSync(draft, file)
}

function generateDisk(): Buffer {
  const sectors = Array.from({ length: 16_384 }, (_, sector) => {
    const line = createHash('sha256').update(`sector ${sector}`).digest()
    return Buffer.concat(Array.from({ length: 16 }, () => line))
  })
  return Buffer.concat(sectors)
}
