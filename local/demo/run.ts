import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareCertificate } from '../setup/certificate.ts'
import { demoImageName, fillDemoContent, setUpDemoImage } from '../setup/demo-image.ts'
import { type EmulationOptions, localSite } from '../site.ts'
import type { RunningSite } from '../start.ts'
import { createBrowser } from './browser.ts'
import { tellStory } from './story.ts'

/**
 * Tells the whole story on one screen, on a system of its own. The port is a free one unless `port` names one. The story's files are
 * added to the content if they are missing.
 *
 * @param start starts the system.
 * @throws LocalError naming the first step that failed.
 */
export async function runDemo<Options extends EmulationOptions>(
  start: (options: Options) => Promise<RunningSite>,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-demo-'))
  const content = options.content ?? join(directory, 'content')
  const stateDirectory = join(directory, 'state')
  try {
    const { enforcement, keyPrefix } = localSite(options).deployment.config
    const files = join(content, keyPrefix)
    fillDemoContent(files, await setUpDemoImage(print))
    const ca = options.tls === true ? readFileSync((await prepareCertificate(stateDirectory)).certificate) : undefined
    const site = await start({ ...options, port: options.port ?? 0, content, stateDirectory, log: print })
    const browser = createBrowser(site.url, ca)
    try {
      print(`✓ running at ${site.url}`)
      await tellStory({ browser, file: join(files, 'users/alice', demoImageName), enforcement, print })
    } finally {
      await browser.close()
      await site.stop()
    }
    print('✓ stopped, nothing left running')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
