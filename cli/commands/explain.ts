import { Command } from 'commander'
import type { ExplainOptions } from '../explain/arguments.ts'
import type { CommandFactory } from '../terminal.ts'
import { collect } from './options.ts'

const examples = `
Exit status: 0 access would be granted, 1 it would not or the input does not suffice, 2 wrong arguments or unreadable input.
No signature, cookie or token is printed whole.

Examples:
  A signed URL that a customer reported, with the stage's keys:
    aws secretsmanager get-secret-value --secret-id edge-signer/prod/keys --query SecretString --output text |
      edge-signer explain 'https://cdn.example.com/users/alice/a.bin?Policy=...' --keys -
  What curl holds, against the running emulation:
    edge-signer explain http://localhost:8080/users/alice/notes.txt --jar jar --local
  The Cookie header of the browser's developer tools, and the 403 that came back:
    edge-signer explain https://cdn.example.com/users/alice/a.bin --cookie @cookie.txt \\
      --response-headers headers.txt --body body.xml
  A session that is refused with 401, or that grants less than it should (the token never appears in the output):
    pbpaste | edge-signer explain --session - --stage prod`

/** `edge-signer explain`: reports why a request is refused. */
export const explainCommand: CommandFactory = (context) =>
  new Command('explain')
    .description('Say which check refuses a request, and what to do.')
    .argument('[input...]', 'the requested URL, a Cookie header, or the path of a cookie jar')
    .option('--url <url>', 'the requested URL, with its query string')
    .option('--cookie <header>', 'the Cookie header as it was sent, or @FILE')
    .option('--jar <file>', 'a Netscape cookie jar (curl -c); explain decides which cookies a browser sends')
    .option('--set-cookie <file>', 'the response headers of /_edge/session (curl -D), which include SameSite')
    .option('--page <url>', 'the page that made the request, for SameSite')
    .option('--navigation', 'the request was a navigation, not a fetch')
    .option('--keys <file>', 'a key document (- is standard input), or <key pair id>=<PEM file>; repeatable', collect)
    .option('--local', 'use the keys and revocations of the local stage')
    .option('--state <dir>', "the local stage's state directory (default: .local/state)")
    .option('--revocations <file>', "the bucket's _state/revocations.json")
    .option('--ip <address>', "the viewer's address as CloudFront saw it")
    .option('--at <time>', 'time of the request: epoch seconds, 2030-01-31T12:00:00Z, +15m, -1h (default: now)')
    .option('--response-headers <file>', 'the response headers (curl -D); their Date is the default of --at')
    .option('--body <file>', 'the response body')
    .option('--session <file>', 'explain a session token instead of a request: - is standard input')
    .option('--stage <stage>', 'with --session: the stage whose configuration counts (default: local)')
    .option('--param <name=value>', 'with --session: a deployment parameter; repeatable', collect)
    .option('--jwks <file>', "with --session: the app's key set, instead of fetching session.jwksUrl")
    .option('--secret-file <file>', 'with --session: the HS256 secret')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (inputs: string[], options: ExplainOptions) => {
      if (options.session === undefined) {
        const { runExplain } = await import('../explain/run.ts')
        context.exit(await runExplain(inputs, options, context.terminal))
      } else {
        const { runExplainSession } = await import('../explain-session/run.ts')
        context.exit(await runExplainSession(inputs, options, context.terminal))
      }
    })
