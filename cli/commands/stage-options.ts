import type { Command } from 'commander'

/** Adds the options that say which stage is meant, with the local one as the default. */
export function addStageOptions(command: Command): Command {
  return command
    .option('--stage <stage>', 'a stage of edge-signer.config.ts (default: local, the one that runs on this machine)')
    .option('--state <dir>', "the local stage's state directory, where it is another than .local/state")
    .option('--json', 'print JSON')
}

/** What help says of credentials. */
export const credentialsHelp =
  'A deployed stage is reached with the AWS credentials of this terminal (AWS_PROFILE, AWS_ACCESS_KEY_ID, …).'
