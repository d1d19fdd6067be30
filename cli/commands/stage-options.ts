import type { Command } from 'commander'
import { collect } from './collect.ts'

/** Adds the options that say which stage is meant, with the local one as the default. */
export function addStageOptions(command: Command): Command {
  return addParamOption(
    command.option(
      '--stage <stage>',
      'a stage of edge-signer.config.ts (default: local, the one that runs on this machine)',
    ),
  )
    .option('--state <dir>', "the local stage's state directory, where it is another than .local/state")
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

/** What help says of credentials. */
export const credentialsHelp =
  'A deployed stage is reached with the AWS credentials of this terminal (AWS_PROFILE, AWS_ACCESS_KEY_ID, …).'
