import { type Command, InvalidArgumentError, Option } from 'commander'
import { namedContent } from '../content-folder.ts'
import type { EmulationOptions } from '../options.ts'

/** What `start` and `demo` take. */
export interface StageFlags {
  readonly port?: number
  readonly content?: string
  readonly enforcement?: 'key-group' | 'gate'
  readonly bootstrap?: 'error-page' | 'none'
  readonly tls?: boolean
  readonly tusd?: boolean
  readonly uploads?: string
}

/** What a command does without an option. */
export interface StageDefaults {
  readonly port: string
  readonly content: string
}

/** The options of a stage, with the command's own defaults in their texts. */
export function withStageOptions(command: Command, defaults: StageDefaults): Command {
  return command
    .option(
      '--port <number>',
      `TCP port on 127.0.0.1 and ::1; 0 takes a free one (default: ${defaults.port})`,
      readPort,
    )
    .option('--content <dir>', `root of the bucket, read live; must be there (default: ${defaults.content})`)
    .addOption(choice('--enforcement <mode>', 'who verifies cookies (default: the stage local)', 'key-group', 'gate'))
    .addOption(
      choice('--bootstrap <mode>', 'what comes without cookies (default: the stage local)', 'error-page', 'none'),
    )
    .option('--tls', 'HTTPS with a certificate made here; Safari needs it')
    .option('--tusd', 'insist on tusd for uploads (default: where it is on PATH or was built)')
    .option('--no-tusd', 'take the embedded upload server')
    .option('--uploads <dir>', 'where uploads arrive, on the file system of the content (default: beside it)')
}

/** @throws LocalError where `--content` names no folder. */
export function stageOptions(flags: StageFlags): EmulationOptions {
  return { ...flags, ...(flags.content === undefined ? {} : { content: namedContent(flags.content) }) }
}

/** An option with these values and no other. */
export function choice(flags: string, text: string, ...values: string[]): Option {
  return new Option(flags, text).choices(values)
}

/** @throws InvalidArgumentError, which commander prints with the option's name. */
export function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('must be 0 to 65535')
  return Number(text)
}
