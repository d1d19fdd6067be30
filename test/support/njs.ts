import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'
import { storeFileName } from '../../local/state/state-files.ts'
import type { FunctionRequest, FunctionResponse } from '../../shared/cloudfront/function-event.ts'
import { findNjs, storeGlobal, writeNjsModules } from './njs-command.ts'

const run = promisify(execFile)

/** A suite that needs the njs command. Without it the suite is skipped and says so, or fails where `REQUIRE_ALL=1`. */
export function describeWithNjs(name: string, suite: () => void): void {
  if (findNjs() !== undefined || process.env.REQUIRE_ALL === '1') describe(name, suite)
  else describe.skip(`${name} (skipped: no njs command on PATH or in .local/tools)`, suite)
}

/** Content of a function's KeyValueStore: an object of keys, or `broken` for one that cannot be read. */
export type StoreContent = Readonly<Record<string, string>> | 'broken'

/**
 * Runs the deployed code of a CloudFront Function in njs, once for each event and in one process, as an event and a result
 * pass at CloudFront: as JSON.
 */
export async function runFunction<Result = FunctionRequest | FunctionResponse>(
  code: string,
  events: readonly object[],
  store: StoreContent = {},
): Promise<Result[]> {
  const njs = findNjs()
  if (njs === undefined) throw new Error('there is no njs command: run the set-up')
  const directory = await mkdtemp(join(tmpdir(), 'cloudfront-function-'))
  try {
    await writeNjsModules(join(directory, 'modules'), { function: code })
    await writeFile(join(directory, 'events.json'), JSON.stringify(events))
    const main = join(directory, 'main.js')
    await writeFile(main, mainScript(directory, store === 'broken' ? undefined : await writeStore(directory, store)))
    await run(njs, ['-p', join(directory, 'modules'), main])
    // Not over stdout: `console.log` of njs breaks a line of more than 2 KB.
    return JSON.parse(await readFile(join(directory, 'results.json'), 'utf8')) as Result[]
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function writeStore(directory: string, content: Readonly<Record<string, string>>): Promise<string> {
  const store = join(directory, 'store')
  await mkdir(store)
  for (const [key, value] of Object.entries(content)) await writeFile(join(store, storeFileName(key)), value)
  return store
}

function mainScript(directory: string, store: string | undefined): string {
  return `import fs from 'fs'
import module from 'function.js'
${store === undefined ? '' : `globalThis.${storeGlobal} = ${JSON.stringify({ directory: store })}`}
async function main() {
  const events = JSON.parse(fs.readFileSync(${JSON.stringify(join(directory, 'events.json'))}, 'utf8'))
  const results = []
  for (let i = 0; i < events.length; i++) {
    const result = await module.handler(events[i])
    results.push(result)
  }
  fs.writeFileSync(${JSON.stringify(join(directory, 'results.json'))}, JSON.stringify(results))
}
main()
`
}
