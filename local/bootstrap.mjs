#!/usr/bin/env node
// The first thing that `npm run demo`, `npm start`, `npm test` and `edge-signer serve` run: plain JavaScript, because in a fresh
// clone nothing is installed yet. It installs the locked packages where they are missing or outdated, then starts the command.
//
// It also passes signals on to the command. A signal that comes before the command can take it would end the command
// halfway, or be lost; so signals are sent as messages over a channel, which keeps them until the command listens. The channel's end
// tells the command that this process is gone, however it went.
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Milliseconds from the wish to stop until the command is killed: it has servers to stop, one after the other. */
const patience = 20_000

let child
let hasChannel = false
let isStopping = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => pass(signal))
watchParent()

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [command = '', ...args] = process.argv.slice(2)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Edge Signer needs Node 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

await installPackages()
const ofProject = ['test', 'bench', 'torture'].includes(command)
// The others run to their end, and end at a signal.
hasChannel = command === 'start' || command === 'serve'
start(process.execPath, commandLine(command, args), {
  // What people start stays in their folder: relative paths among the arguments start there.
  cwd: ofProject ? root : process.cwd(),
  stdio: hasChannel ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
  env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
})
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))

/** The Node arguments of a command: the tests run in vitest, all else is TypeScript through tsx. */
function commandLine(name, rest) {
  const run = (file) => ['--import', import.meta.resolve('tsx'), join(root, file)]
  if (name === 'test') return [...run('test/run.ts'), ...rest]
  if (name === 'bench') return [...run('test/bench/run.ts'), ...rest]
  if (name === 'torture') return [...run('test/torture/run.ts'), ...rest]
  return [...run('server/main.ts'), name, ...rest]
}

/** `npm ci`, unless npm has installed since the lock file was last written: it leaves a list of what it installed. */
async function installPackages() {
  const installed = statSync(join(root, 'node_modules', '.package-lock.json'), { throwIfNoEntry: false })
  if (installed !== undefined && installed.mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return
  if (command === 'serve') {
    console.error('The packages are missing or outdated, and a server for the public installs nothing: run npm ci.')
    process.exit(1)
  }
  console.log('Installing packages …')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  start(npm, ['ci', '--no-fund', '--no-audit', '--loglevel=error'], { cwd: root, stdio: 'inherit' })
  const status = await new Promise((resolve) => child.once('exit', resolve))
  if (status !== 0) {
    console.error('npm ci failed: see its message above.')
    process.exit(1)
  }
}

function start(program, programArgs, options) {
  child = spawn(program, programArgs, options)
  child.on('error', (error) => {
    console.error(`${program} cannot be started: ${error.message}`)
    process.exit(1)
  })
}

/** Hands a signal on. Before anything runs SIGHUP has nothing to reload, and the others have nothing to stop. */
function pass(signal) {
  if (child === undefined) {
    if (signal !== 'SIGHUP') process.exit(1)
    return
  }
  if (!hasChannel) child.kill(signal)
  else if (child.connected) child.send(signal, () => {})
  if (signal === 'SIGHUP' || isStopping) return
  isStopping = true
  if (hasChannel) setTimeout(() => child.kill('SIGKILL'), patience).unref()
}

/**
 * npm ends at a signal without waiting for its script, which has nobody to wait for then, and ends too. Between the two there may be
 * a shell that outlives npm.
 */
function watchParent() {
  process.on('disconnect', () => pass('SIGTERM'))
  // Anybody else may leave this process running on purpose, as `nohup` and `setsid` do.
  if (!process.env.npm_lifecycle_script?.includes('local/bootstrap.mjs')) return
  const parent = process.ppid
  const { name, parent: npm } = describeProcess(parent)
  const hasShell = name === 'sh'
  const timer = setInterval(() => {
    if (process.ppid === parent && (!hasShell || describeProcess(parent).parent === npm)) return
    clearInterval(timer)
    pass('SIGTERM')
  }, 250)
  timer.unref()
}

/** Facts about a process from `/proc`; empty on systems other than Linux. */
function describeProcess(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return { name: /^Name:\t(.*)$/m.exec(status)?.[1], parent: /^PPid:\t(\d+)$/m.exec(status)?.[1] }
  } catch {
    return {}
  }
}
