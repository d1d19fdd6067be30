import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareCertificate } from '../certificate.ts'
import type { EmulationOptions } from '../options.ts'
import { demoImageName, fillDemoContent, setUpDemoImage } from '../setup/demo-image.ts'
import { localDeployment } from '../stage.ts'
import { startEmulation } from '../supervisor.ts'
import { createBrowser } from './browser.ts'
import { tellStory } from './story.ts'

/**
 * The whole story on one screen, against a system of its own, on a free port where `port` names none. The files of the story are
 * put into the content, each only where it is missing.
 *
 * @throws LocalError naming the first step that did not go as it should.
 */
export async function runDemo(options: EmulationOptions, print: (line: string) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-demo-'))
  const content = options.content ?? join(directory, 'content')
  const stateDirectory = join(directory, 'state')
  try {
    const { enforcement, keyPrefix } = localDeployment(options).config
    const files = join(content, keyPrefix)
    fillDemoContent(files, await setUpDemoImage(print))
    const ca = options.tls === true ? readFileSync((await prepareCertificate(stateDirectory)).certificate) : undefined
    const emulation = await startEmulation({ ...options, port: options.port ?? 0, content, stateDirectory, log: print })
    const browser = createBrowser(emulation.url, ca)
    try {
      print(`✓ running at ${emulation.url}`)
      await tellStory({ browser, file: join(files, 'users/alice', demoImageName), enforcement, print })
    } finally {
      await browser.close()
      await emulation.stop()
    }
    print('✓ stopped, nothing left running')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
