import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { LocalError } from '../local-error.ts'
import { demoImageName } from '../setup/demo-image.ts'
import type { Browser } from './browser.ts'
import { expectStatus, readByRanges } from './ranges.ts'
import { uploadAndReadBack } from './upload.ts'

/** What the story is told with. */
export interface Telling {
  readonly browser: Browser
  /** The disk image, as it lies in the content. */
  readonly file: string
  readonly enforcement: StageConfig['enforcement']
  readonly print: (line: string) => void
}

/**
 * Sign in, mint, read ranges of a disk image, be refused elsewhere, upload and read back, sign out.
 *
 * @throws LocalError naming the first step that did not go as it should.
 */
export async function tellStory({ browser, file, enforcement, print }: Telling): Promise<void> {
  const image = `/users/alice/${demoImageName}`
  // CloudFront knows of no session; the session function says that there is none.
  const refused = enforcement === 'gate' ? 401 : 403

  expectStatus('without cookies the image is refused', await browser.get(image), refused)
  print(`✓ without cookies: ${refused}`)

  expectStatus('sign-in', await browser.get('/dev/login?sub=alice'), 200)
  print('✓ signed in as alice (in production your app does that)')

  const minted = await browser.get('/_edge/session')
  expectStatus('mint', minted, 200)
  const { prefixes } = (await minted.json()) as { prefixes: string[] }
  print(`✓ minted cookies for ${prefixes.join(', ')}`)

  const ranges = await readByRanges(browser, image)
  const expected = createHash('sha256').update(readFileSync(file)).digest('hex')
  if (ranges.sha256 !== expected) throw new LocalError('Demo: the bytes that were read are not those of the file.')
  print(`✓ read ${image} in ${ranges.count} ranges, ${ranges.size} bytes, sha256 ${expected.slice(0, 12)}… as on disk`)

  expectStatus("bob's file is refused", await browser.get('/users/bob/notes.txt'), 403)
  print('✓ refused on /users/bob/: 403')

  await uploadAndReadBack(browser, print)

  expectStatus('sign-out', await browser.send('DELETE', '/_edge/session', { origin: browser.origin }), 204)
  expectStatus('after sign-out the image is refused', await browser.get(image), refused)
  print(`✓ signed out: ${refused} again`)
}
