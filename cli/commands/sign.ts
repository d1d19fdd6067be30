import { Command } from 'commander'
import type { SignCookiesOptions } from '../sign/cookies.ts'
import type { SignUrlOptions } from '../sign/url.ts'
import type { CommandFactory } from '../terminal.ts'
import { addSigningOptions } from './options.ts'

const exitStatus = 'Exit status: 0 signed, 1 the keys cannot sign, 2 wrong arguments or unreadable input.'

const urlHelp = `
${exitStatus}

Examples:
  edge-signer sign-url https://cdn.example.com/users/alice/a.bin --keys keys.json --expires-in 15m
  edge-signer sign-url https://cdn.example.com/users/alice/a.bin --keys K2JCJMDEHXQW5F=private.pem
  curl -r 0-99 "$(edge-signer sign-url http://localhost:8080/users/alice/notes.txt --local)"
  edge-signer sign-url --folder https://cdn.example.com/users/alice/ --local --json`

/** `edge-signer sign-url`: signs one URL, or makes the query string for a whole prefix. */
export const signUrlCommand: CommandFactory = (context) =>
  addSigningOptions(
    new Command('sign-url')
      .description('Sign a URL, percent-encoded as it will be requested.')
      .argument('<url>', 'the URL, or with --folder a prefix'),
  )
    .option('--folder', 'make one query string for every file below the prefix')
    .option('--canned', 'sign a canned policy: a shorter URL, with Expires in place of Policy')
    .option('--json', 'print JSON')
    .addHelpText('after', urlHelp)
    .action(async (url: string, options: SignUrlOptions) => {
      const { runSignUrl } = await import('../sign/url.ts')
      context.exit(await runSignUrl(url, options, context.terminal))
    })

const cookiesHelp = `
${exitStatus}

Examples:
  curl -H "$(edge-signer sign-cookies https://cdn.example.com/users/alice/ --keys keys.json)" \\
    https://cdn.example.com/users/alice/a.bin
  edge-signer sign-cookies http://localhost:8080/users/alice/ --local --jar jar
  curl -b jar http://localhost:8080/users/alice/notes.txt`

/** `edge-signer sign-cookies`: signs the cookies of one prefix. */
export const signCookiesCommand: CommandFactory = (context) =>
  addSigningOptions(
    new Command('sign-cookies')
      .description('Sign cookies for everything below a prefix; prints one Cookie header line.')
      .argument('<prefix>', 'https://<host>/<prefix>/'),
  )
    .option('--jar <file>', 'write a Netscape cookie jar instead (- is standard output)')
    .option('--json', 'print JSON')
    .addHelpText('after', cookiesHelp)
    .action(async (prefix: string, options: SignCookiesOptions) => {
      const { runSignCookies } = await import('../sign/cookies.ts')
      context.exit(await runSignCookies(prefix, options, context.terminal))
    })
