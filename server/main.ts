import { Command } from 'commander'
import { setUpDemoImage } from '../local/setup/demo-image.ts'
import { setUpGoTool, tusd } from '../local/setup/go-tools.ts'
import { setUpTools } from '../local/setup/tools.ts'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { addServe } from './commands/serve.ts'
import { addDemo, addStart } from './commands/start.ts'

/** The commands behind `npm start`, `npm run demo`, `npm run setup` and `edge-signer serve`. */
const print = (line: string) => console.log(line)

const program = new Command('edge-signer-local')
  .description('Runs the whole system on this machine: nginx for CloudFront and S3, the functions as packaged.')
  .addHelpText(
    'after',
    `
Examples:
  npm start                                   http://localhost:8080, files in .local/content
  npm start -- --content ~/disks --port 9000  your own files: ~/disks/users/alice/x is /users/alice/x
  npm start -- --bootstrap none               CloudFront's own XML in place of the sign-in page
  npm run demo                                the whole story on a free port, exit status 0 or 1

Everything is generated below .local/ in this project; stop with Ctrl-C, delete the folder at will.`,
  )

addStart(program, print)
addDemo(program, print)
addServe(program, print)

program
  .command('setup')
  .description('only set up what is missing: nginx, its njs module, the njs command, the demo image')
  .option('--tusd', 'build tusd, too; needs Go 1.25 or newer')
  .action(async (flags: { tusd?: boolean }) => {
    if (flags.tusd === true) print(`tusd  ${await setUpGoTool(tusd, { log: print })}`)
    const tools = await setUpTools({ log: print })
    const image = await setUpDemoImage(print)
    print(`${tools.nginxVersion}  ${tools.nginx}\nnjs module  ${tools.njsModule}\nnjs  ${tools.njs}\nimage  ${image}`)
  })

try {
  await program.parseAsync()
  process.exit(0)
} catch (error) {
  // An EdgeSignerError says what to do. Anything else is a bug and keeps its stack.
  console.error(error instanceof EdgeSignerError ? messageOf(error) : error)
  process.exit(1)
}
