import type { Command } from 'commander'

/** Collects the values of a repeatable option, in order. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

/** Adds the options that select a stage; the local one is the default. */
export function addStageOptions(command: Command): Command {
  return addParamOption(
    command.option(
      '--stage <stage>',
      'a stage of edge-signer.config.ts (default: local, the one that runs on this machine)',
    ),
  )
    .option('--state <dir>', "the local stage's state directory (default: .local/state)")
    .option('--json', 'print JSON')
}

/** Adds the deployment parameters, for stages that were deployed with some on the command line. */
export function addParamOption(command: Command): Command {
  return command.option(
    '--param <name=value>',
    'a deployment parameter, as it was given to serverless deploy; repeatable',
    collect,
  )
}

/** Adds the options for the signing key, and for the times and the address for which the signature is valid. */
export function addSigningOptions(command: Command): Command {
  return command
    .option(
      '--keys <file>',
      'a key document (- is standard input), or <key pair id>=<PEM file of the private key>; default: CF_KEY_ID and CF_PRIVATE_KEY',
    )
    .option('--local', 'use the keys of the local stage')
    .option('--state <dir>', "the local stage's state directory (default: .local/state)")
    .option('--sha1', 'sign with SHA-1 (a single RSA key only)')
    .option('--expires-in <time>', 'lifetime of the signature: 90s, 15m, 1h, 7d (default: 1h)')
    .option('--expires <time>', 'end of the signature: epoch seconds or 2030-01-31T12:00:00Z')
    .option('--not-before <time>', 'start of the signature (default: at once; a minute ago for prefixes)')
    .option('--ip <address>', 'the only IPv4 address that may use it')
}

/** Paragraph about AWS credentials for the help of commands that reach deployed stages. */
export const credentialsHelp =
  'A deployed stage is reached with the AWS credentials of this terminal (AWS_PROFILE, AWS_ACCESS_KEY_ID, …).'
