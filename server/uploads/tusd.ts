import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { anyOrigin } from '../../shared/http/message.ts'
import type { AssetArea } from '../store/location.ts'
import { uploadPath } from '../upload-paths.ts'

/** How a tusd is started. */
export interface TusdSettings {
  readonly area: AssetArea
  readonly socket: string
  /** Where it asks, with the secret path. */
  readonly hooksUrl: string
  readonly maxBytes: number
  /** As of the config: origins, whose port may be `*`. */
  readonly allowedOrigins: readonly string[]
}

/** The hooks that it asks. */
const events = ['pre-create', 'pre-finish', 'post-finish', 'pre-terminate']

/** The command line of tusd 2 (https://tus.github.io/tusd/getting-started/configuration/). */
export function tusdArguments(settings: TusdSettings): string[] {
  return [
    `-unix-sock=${settings.socket}`,
    `-upload-dir=${settings.area.incoming}`,
    `-base-path=${uploadPath}`,
    `-max-size=${settings.maxBytes}`,
    // nginx says which host and scheme the client used.
    '-behind-proxy',
    // Else GET on an upload hands out its bytes, past every check of the read path.
    '-disable-download',
    // Pieces with lengths of their own would evade the one that was declared.
    '-disable-concatenation',
    '-expose-metrics=false',
    '-show-greeting=false',
    '-file-perms=0644',
    '-dir-perms=0700',
    `-cors-allow-origin=${originPattern(settings.allowedOrigins)}`,
    '-cors-allow-credentials',
    `-hooks-http=${settings.hooksUrl}`,
    `-hooks-enabled-events=${events.join(',')}`,
    // A creation that is asked about twice would find its ticket used.
    '-hooks-http-retry=1',
    '-hooks-http-timeout=60s',
  ]
}

/** Removes locks of a tusd that was killed: they name a process id, which another process may have by now. */
export function removeStaleLocks({ incoming }: AssetArea): void {
  for (const name of readdirSync(incoming)) if (name.endsWith('.lock')) rmSync(join(incoming, name), { force: true })
}

/** The origins as one regular expression of Go. */
export function originPattern(origins: readonly string[]): string {
  // Pages of any origin may read; uploads are for named ones.
  const named = origins.filter((origin) => origin !== anyOrigin)
  const alternatives = named.map((origin) => {
    const anyPort = origin.endsWith(':*')
    const escaped = (anyPort ? origin.slice(0, -2) : origin).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    return anyPort ? `${escaped}(:[0-9]{1,5})?` : escaped
  })
  // Nothing matches `a` behind the end.
  return alternatives.length === 0 ? '$a' : `^(${alternatives.join('|')})$`
}
