import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from '../local-error.ts'
import { localDirectory } from '../paths.ts'
import { findProgram, isExecutable, runCommand } from './command.ts'
import { unpackDebianPackages } from './debian-packages.ts'
import { withLock } from './lock.ts'

/** The programs that the emulation and its tests run; absolute paths. */
export interface Tools {
  readonly nginx: string
  /** `ngx_http_js_module.so`, to be loaded by path. */
  readonly njsModule: string
  /** The njs command, for unit tests of CloudFront Functions. */
  readonly njs: string
  /** What nginx says of itself: `nginx/1.22.1`. */
  readonly nginxVersion: string
}

/** Where the set-up puts programs, and whom it tells. */
export interface SetUpOptions {
  readonly log: (line: string) => void
  /** Default: `.local/tools` of this project. */
  readonly directory?: string
}

const installHint = [
  'Edge Signer runs nginx with its njs module (and the njs command for tests).',
  'On Debian 12 or Ubuntu 24.04 they are downloaded without root; on another system install them so that nginx is on PATH:',
  '  Debian, Ubuntu:  sudo apt-get install nginx libnginx-mod-http-js njs',
  '  Fedora:          sudo dnf install nginx nginx-mod-njs',
  '  Alpine:          sudo apk add nginx nginx-mod-http-js njs',
  '  macOS:           brew install nginx, and the njs module of https://nginx.org/en/docs/njs/install.html',
].join('\n')

/**
 * Finds nginx, the njs module and the njs command: on PATH, else in the tool folder, which is filled from Debian packages
 * where that is possible. Safe to run from several processes at once; a second run changes nothing and takes milliseconds.
 *
 * @throws LocalError that says what to install, where they cannot be had.
 */
export async function setUpTools(options: SetUpOptions): Promise<Tools> {
  const directory = options.directory ?? join(localDirectory, 'tools')
  const ready = findTools(directory)
  if (ready !== undefined) return describe(ready)
  return withLock(join(directory, '..', 'tools.lock'), async () => {
    if (findTools(directory) === undefined) await download(directory, options.log)
    const found = findTools(directory)
    if (found === undefined) throw new LocalError(installHint)
    return describe(found)
  })
}

type FoundTools = Omit<Tools, 'nginxVersion'>

/** nginx and its module belong together (they share an ABI), so both come from the system or both from the folder. */
function findTools(directory: string): FoundTools | undefined {
  const njs = findProgram('njs') ?? existing(join(directory, 'usr/bin/njs'))
  const system = pair(findProgram('nginx'), [
    '/usr/lib/nginx/modules',
    '/usr/lib64/nginx/modules',
    '/etc/nginx/modules',
  ])
  const own = pair(existing(join(directory, 'usr/sbin/nginx')), [join(directory, 'usr/lib/nginx/modules')])
  const server = system ?? own
  return server === undefined || njs === undefined ? undefined : { ...server, njs }
}

function pair(nginx: string | undefined, modules: readonly string[]): Pick<Tools, 'nginx' | 'njsModule'> | undefined {
  const njsModule = modules.map((folder) => join(folder, 'ngx_http_js_module.so')).find((file) => existsSync(file))
  return nginx === undefined || njsModule === undefined ? undefined : { nginx, njsModule }
}

function existing(file: string): string | undefined {
  return isExecutable(file) ? file : undefined
}

async function download(directory: string, log: (line: string) => void): Promise<void> {
  try {
    await unpackDebianPackages(['nginx', 'libnginx-mod-http-js', 'njs'], { root: directory, log })
  } catch (error) {
    throw new LocalError(`${installHint}\n(${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    })
  }
}

/** Starts each program once: a shared library that is missing is found here, not in the middle of a start. */
async function describe(tools: FoundTools): Promise<Tools> {
  try {
    const { stderr } = await runCommand(tools.nginx, ['-v'])
    await runCommand(tools.njs, ['-v'])
    return { ...tools, nginxVersion: /nginx\/[\d.]+/.exec(stderr)?.[0] ?? 'nginx' }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LocalError(`The programs that were found cannot run here.\n${why}\n${installHint}`, { cause: error })
  }
}
