import { Command } from 'commander'
import type { SessionOptions } from '../session.ts'
import type { CommandFactory } from '../terminal.ts'
import { addParamOption, collect } from './options.ts'

const examples = `
Issuer, audience, required claims and cookie name come from edge-signer.config.ts; the local stage has its own secret.
Exit status: 0 made, 1 the keys or the configuration do not allow it, 2 wrong arguments or unreadable input.

Examples:
  edge-signer session alice --claim team=red --claim team=blue
  curl -H "$(edge-signer session alice --cookie)" http://localhost:8080/_edge/session
  edge-signer session alice --stage dev --key app-private.pem --kid app-1 --expires-in 10m
  edge-signer session alice --claim admin:=true --json`

/** `edge-signer session`: makes an app session for development and tests. */
export const sessionCommand: CommandFactory = (context) =>
  addParamOption(new Command('session').description('Make an app session (a JWT) for development and tests.'))
    .argument('<sub>', 'the user')
    .option('--claim <name=text>', 'a claim, or name:=JSON for other types; repeating a name makes a list', collect)
    .option('--expires-in <time>', 'lifetime of the session: 90s, 15m, 8h (default: 8h)')
    .option('--stage <stage>', 'a stage of edge-signer.config.ts (default: local)')
    .option('--issuer <iss>', "the issuer (default: the stage's)")
    .option('--audience <aud>', "the audience (default: the stage's)")
    .option('--key <file>', "the app's private key in PEM (- is standard input)")
    .option('--secret-file <file>', 'a file with the HS256 secret (- is standard input)')
    .option('--state <dir>', "the local stage's state directory (default: .local/state)")
    .option('--alg <algorithm>', 'the algorithm (default: the first that stage and key both support)')
    .option('--kid <id>', 'the key id in the header')
    .option('--cookie', 'print a Cookie header line')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (sub: string, options: SessionOptions) => {
      const { runSession } = await import('../session.ts')
      context.exit(await runSession(sub, options, context.terminal))
    })
