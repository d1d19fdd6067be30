import { EdgeSignerError } from '../../shared/errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import type { GrantTemplate } from '../../shared/grant/template.ts'
import { isRevocable } from '../../shared/revocation/revocable.ts'
import { exitCodes } from '../exit-codes.ts'
import { showTime } from '../input/time.ts'
import { printable } from '../redact.ts'
import type { ClientSettings } from '../stage/client-settings.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { openDesk, type StageOptions } from './open-desk.ts'
import { entryJson, restoredText, revokedText, whose } from './print-entry.ts'
import type { Order } from './revocation-desk.ts'

/** The options of `edge-signer revoke`. */
export interface RevokeOptions extends StageOptions {
  readonly sub?: string
  readonly undo?: boolean
}

/**
 * Ends access to a prefix, or takes that back.
 *
 * @returns the exit status: 1 where there was nothing to take back.
 * @throws UsageError; ConfigError; ServiceError.
 */
export async function runRevoke(
  prefix: string,
  options: RevokeOptions,
  terminal: Terminal,
  settings?: ClientSettings,
): Promise<number> {
  const { desk, stage, templates } = await openDesk(options, terminal.now(), settings)
  const order: Order = {
    prefix: parsePrefix(prefix, templates),
    ...(options.sub === undefined ? {} : { sub: options.sub }),
  }
  if (options.undo) {
    const found = await desk.restore(order)
    if (options.json) terminal.out(`${JSON.stringify({ stage, restored: found }, null, 2)}\n`)
    else if (found) {
      const soon = restoredText(await desk.enforcement())
      terminal.out(`${order.prefix}: access is back for ${printable(whose(order))}, ${soon}\n`)
    } else terminal.err(`${order.prefix}: nothing is revoked for ${printable(whose(order))} in stage ${stage}\n`)
    return found ? exitCodes.granted : exitCodes.refused
  }
  const entry = await desk.revoke(order)
  if (options.json) terminal.out(`${JSON.stringify({ stage, ...entryJson(entry) }, null, 2)}\n`)
  else {
    terminal.out(
      [
        `${entry.prefix}: revoked for ${printable(whose(entry))} in stage ${stage}`,
        revokedText(await desk.enforcement()),
        `sessions from after ${showTime(entry.before)} mint again; the entry goes at ${showTime(entry.expires)}`,
        '',
      ].join('\n'),
    )
  }
  return exitCodes.granted
}

/** An entry that no guard looks up would pass for a revocation, so it is refused before anything is written. */
function parsePrefix(text: string, templates: readonly GrantTemplate[]): ResourcePrefix {
  let prefix: ResourcePrefix | undefined
  try {
    prefix = parseResourcePrefix(text)
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
  }
  if (prefix !== undefined && isRevocable(prefix, templates)) return prefix
  const known = templates.map(({ source }) => source).join(', ')
  throw new UsageError(`the prefix must be a granted one such as /users/alice/, percent-encoded; templates: ${known}`)
}
