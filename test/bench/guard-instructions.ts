import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { guardFunctionConfig } from '../../functions/guard/config.ts'
import { buildCloudFrontFunction } from '../../infra/build/cloudfront-function.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { findNjs, storeGlobal, writeNjsModules } from '../support/njs-command.ts'
import config from '../unit/fixtures/edge-signer.config.ts'

const calls = 1000

/** Instructions of one call, the process's own start left out. */
export interface GuardInstructions {
  readonly empty: number
  readonly guard: number
  /** `guard / empty`. */
  readonly ratio: number
}

/** A function that does nothing. */
const emptyFunction = 'async function handler(event) { return event.request }'

/** A range of a signed-in user's file, as a browser asks for it and CloudFront hands it over. */
const event = {
  version: '1.0',
  context: {
    distributionDomainName: 'd111111abcdef8.cloudfront.net',
    distributionId: 'EDFDVBD6EXAMPLE',
    eventType: 'viewer-request',
    requestId: 'EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==',
  },
  viewer: { ip: '198.51.100.11' },
  request: {
    method: 'GET',
    uri: '/users/alice/images/windows-7-enterprise/disk.img',
    querystring: {},
    headers: {
      host: { value: 'd111111abcdef8.cloudfront.net' },
      range: { value: 'bytes=1073741824-1074790399' },
      accept: { value: '*/*' },
      'accept-encoding': { value: 'identity' },
      'accept-language': { value: 'en-GB,en;q=0.9' },
      origin: { value: 'https://app.example.com' },
      referer: { value: 'https://app.example.com/' },
      'sec-fetch-dest': { value: 'empty' },
      'sec-fetch-mode': { value: 'cors' },
      'sec-fetch-site': { value: 'same-site' },
      'user-agent': {
        value: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0',
      },
    },
    cookies: { 'edge-issued': { value: '1760000000.0123456789012345678901234567890123456789012' } },
  },
}

/**
 * Counts the instructions of one call of the guard and of an empty function in njs: callgrind's totals of 1 and of 1,001 calls
 * are subtracted. A call is what the runtime does for one request: read the event, run the handler, write the result; the guard's
 * look-up in the KeyValueStore is part of it.
 *
 * @throws where njs or valgrind is missing.
 */
export async function run(): Promise<GuardInstructions> {
  const guardCode = await buildCloudFrontFunction({
    entry: fileURLToPath(new URL('../../functions/guard/handler.ts', import.meta.url)),
    config: guardFunctionConfig(parseDeployment(config, 'prod')),
  })
  const directory = await mkdtemp(join(tmpdir(), 'guard-instructions-'))
  try {
    await mkdir(join(directory, 'store'))
    await writeNjsModules(join(directory, 'modules'), { guard: guardCode, empty: emptyFunction })
    const empty = await instructionsOfCall(directory, 'empty')
    const guard = await instructionsOfCall(directory, 'guard')
    return { empty, guard, ratio: Math.round((guard / empty) * 1000) / 1000 }
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function instructionsOfCall(directory: string, name: string): Promise<number> {
  const once = await instructions(directory, name, 1)
  const often = await instructions(directory, name, 1 + calls)
  return Math.round((often - once) / calls)
}

async function instructions(directory: string, name: string, count: number): Promise<number> {
  const njs = findNjs()
  if (njs === undefined) throw new Error('there is no njs command: run the set-up')
  const script = join(directory, `${name}-${count}.js`)
  const out = join(directory, `${name}-${count}.callgrind`)
  await writeFile(script, callScript(directory, name, count))
  const { stdout } = await promisify(execFile)('valgrind', [
    '--tool=callgrind',
    `--callgrind-out-file=${out}`,
    ...[njs, '-p', join(directory, 'modules'), script],
  ])
  if (stdout.trim() !== event.request.uri) throw new Error(`${name} did not pass the request on`)
  const total = /^(?:summary|totals): (\d+)$/m.exec(await readFile(out, 'utf8'))?.[1]
  if (total === undefined) throw new Error('callgrind wrote no total')
  return Number(total)
}

function callScript(directory: string, name: string, count: number): string {
  return `import module from '${name}.js'
globalThis.${storeGlobal} = ${JSON.stringify({ directory: join(directory, 'store') })}
const event = ${JSON.stringify(JSON.stringify(event))}
async function main() {
  let text = ''
  for (let i = 0; i < ${count}; i++) {
    const result = await module.handler(JSON.parse(event))
    text = JSON.stringify(result)
  }
  console.log(JSON.parse(text).uri)
}
main()
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await run()))
