#!/usr/bin/env node
// The first thing that `npm run demo`, `npm start` and `npm test` run: plain JavaScript, because in a fresh clone
// nothing is installed yet. It installs the locked packages where they are missing or outdated, then starts the command.
import { spawn, spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Edge Signer needs Node 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

installPackages()
const [command = '', ...args] = process.argv.slice(2)
const ofProject = command === 'test' || command === 'bench'
const child = spawn(process.execPath, commandLine(command, args), {
  // What people start stays in their folder: relative paths among the arguments start there.
  cwd: ofProject ? root : process.cwd(),
  stdio: 'inherit',
  env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
})
// Ctrl-C reaches the whole process group; the child decides when to end, this process only waits for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal))
}
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))

/** The Node arguments of a command: the tests run in vitest, all else is TypeScript through tsx. */
function commandLine(name, rest) {
  const run = (file) => ['--import', import.meta.resolve('tsx'), join(root, file)]
  if (name === 'test') return [...run('test/run.ts'), ...rest]
  if (name === 'bench') return [...run('test/bench/run.ts'), ...rest]
  return [...run('local/main.ts'), name, ...rest]
}

/** `npm ci`, unless npm has installed since the lock file was last written: it leaves a list of what it installed. */
function installPackages() {
  const installed = statSync(join(root, 'node_modules', '.package-lock.json'), { throwIfNoEntry: false })
  if (installed !== undefined && installed.mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return
  console.log('Installing packages …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const { status } = spawnSync(npm, ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) {
    console.error('npm ci failed: see its message above.')
    process.exit(1)
  }
}
