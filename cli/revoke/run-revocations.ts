import { exitCodes } from '../exit-codes.ts'
import { showTime } from '../input/time.ts'
import { printable } from '../redact.ts'
import type { ClientSettings } from '../stage/client-settings.ts'
import type { Terminal } from '../terminal.ts'
import { openDesk, type StageOptions } from './open-desk.ts'
import { entryJson, whose } from './print-entry.ts'

/**
 * Prints what is revoked.
 *
 * @returns the exit status.
 * @throws UsageError; ConfigError; ServiceError.
 */
export async function runRevocations(
  options: StageOptions,
  terminal: Terminal,
  settings?: ClientSettings,
): Promise<number> {
  const { desk, stage } = await openDesk(options, terminal.now(), settings)
  const entries = await desk.list()
  if (options.json) {
    terminal.out(`${JSON.stringify({ stage, revocations: entries.map(entryJson) }, null, 2)}\n`)
  } else if (entries.length === 0) {
    terminal.out(`nothing is revoked in stage ${stage}\n`)
  } else {
    const width = Math.max(...entries.map(({ prefix }) => prefix.length))
    for (const entry of entries) {
      terminal.out(
        `${entry.prefix.padEnd(width)}  until ${showTime(entry.before)}  gone ${showTime(entry.expires)}  ${printable(whose(entry))}\n`,
      )
    }
  }
  return exitCodes.granted
}
