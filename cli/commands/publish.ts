import { Command } from 'commander'
import type { PublishOptions, VerifyOptions } from '../publish/run.ts'
import type { CommandFactory } from '../terminal.ts'
import { addParamOption, credentialsHelp } from './options.ts'

const publishHelp = `
The file lies in chunks below the prefix, with a manifest of their hashes; latest.json names the newest version. An interrupted
run goes on where it stopped. ${credentialsHelp}
Exit status: 0 published, 1 not (the file changed, or the store failed), 2 wrong arguments or unreadable input, 4 no valid
AWS credentials.

Examples:
  edge-signer publish disk.img users/alice/disk --stage prod
  edge-signer publish disk.img users/alice/disk
  edge-signer publish disk.img public/images/debian --content /srv/edge-signer/content
  ASSET_BUCKET=my-bucket AWS_REGION=eu-west-1 edge-signer publish disk.img users/alice/disk --env --json`

const verifyHelp = `
Every chunk is read and compared with the manifest in size and hash. ${credentialsHelp}
Exit status: 0 as published, 1 something is missing or wrong, or access is refused, 2 wrong arguments or unreadable input, 4 no
valid AWS credentials.

Examples:
  edge-signer verify users/alice/disk --stage prod
  edge-signer verify users/alice/disk --release m-0a1b…
  edge-signer verify https://cdn.example.com/public/images/debian/
  edge-signer session alice | edge-signer verify http://localhost:8080/users/alice/disk/ --session -
  edge-signer verify https://cdn.example.com/users/alice/disk/ --jar cookies.txt`

/** `edge-signer publish`: uploads a file in its chunked form. */
export const publishCommand: CommandFactory = (context) =>
  addTargetOptions(
    new Command('publish')
      .description('Publish a file in chunks with a manifest: large files of any size, cacheable and verifiable.')
      .argument('<file>', 'the file, such as a disk image')
      .argument('<prefix>', 'the folder for its versions, such as users/alice/disk'),
  )
    .option('--chunk-size <size>', 'bytes of a chunk, a multiple of 512 up to 64MiB (default: 4MiB)')
    .option('--content-type <type>', 'media type of the file (default: application/octet-stream)')
    .option('--image-id <id>', 'a name for the manifest')
    .option('--pad', 'fill the last sector of 512 bytes with zeros')
    .addHelpText('after', publishHelp)
    .action(async (file: string, prefix: string, options: PublishOptions) => {
      const { runPublish } = await import('../publish/run.ts')
      context.exit(await runPublish(file, prefix, options, context.terminal))
    })

/** `edge-signer verify`: reads a chunked file back and compares it with its manifest. */
export const verifyCommand: CommandFactory = (context) =>
  addTargetOptions(
    new Command('verify')
      .description('Read a chunked file back, and name each chunk that is missing or wrong.')
      .argument('<prefix|url>', 'the folder of its versions, or its address on the CDN'),
  )
    .option('--release <version>', 'the version to verify (default: the newest)')
    .option('--session <file>', 'with a URL: a session token, to mint cookies with (- is standard input)')
    .option('--jar <file>', 'with a URL: a Netscape cookie jar (curl -c)')
    .option('--cookie <header>', 'with a URL: a Cookie header, or @FILE')
    .addHelpText('after', verifyHelp)
    .action(async (where: string, options: VerifyOptions) => {
      const { runVerify } = await import('../publish/run.ts')
      context.exit(await runVerify(where, options, context.terminal))
    })

function addTargetOptions(command: Command): Command {
  return addParamOption(
    command.option('--stage <stage>', 'a stage of edge-signer.config.ts (default: local, the content of npm start)'),
  )
    .option('--content <dir>', "a single server's folder of files; --stage then names its stage")
    .option('--uploads <dir>', 'its folder of uploads, if it is not beside the content')
    .option('--env', 'the bucket or folder that the variables of docs/library.md name')
    .option('--quiet', 'print faults only')
    .option('--json', 'print JSON, and no progress')
}
