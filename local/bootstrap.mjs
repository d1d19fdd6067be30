#!/usr/bin/env node
// The first thing that `npm run demo`, `npm start`, `npm test` and `edge-signer serve` run: plain JavaScript, because in a fresh
// clone nothing is installed yet. It installs the locked packages where they are missing or outdated, fetches Node where this one
// is too old to run TypeScript, then starts the command.
//
// It also passes signals on to the command. A signal that comes before the command can take it would end the command
// halfway, or be lost; so signals are sent as messages over a channel, which keeps them until the command listens. The channel's end
// tells the command that this process is gone, however it went.
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchedNode, fetchNode, isSupportedNode, oldestNode, pinnedNode } from '../infra/node.mjs'

/** Milliseconds from the wish to stop until the command is killed: it has servers to stop, one after the other. */
const patience = 20_000

let child
let hasChannel = false
let isStopping = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => pass(signal))
watchParent()

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [command = '', ...args] = process.argv.slice(2)
const node = await findNode()
await installPackages()
const ofProject = ['test', 'bench', 'torture', 'prose'].includes(command)
// The others run to their end, and end at a signal.
hasChannel = command === 'start' || command === 'serve'
start(node, commandLine(command, args), {
  // What people start stays in their folder: relative paths among the arguments start there.
  cwd: ofProject ? root : process.cwd(),
  stdio: hasChannel ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
  env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) },
})
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))

/** The Node arguments of a command. */
function commandLine(name, rest) {
  const run = (file) => [join(root, file), ...rest]
  if (name === 'test') return run('test/run.ts')
  if (name === 'prose') return run('test/check-prose.ts')
  if (name === 'bench') return run('test/bench/run.ts')
  if (name === 'torture') return run('test/torture/run.ts')
  return [join(root, 'server/main.ts'), name, ...rest]
}

/**
 * This Node, or a fetched one where this is too old. `EDGE_SIGNER_NODE` names another version, which tests run on.
 *
 * @returns {Promise<string>} the program.
 */
async function findNode() {
  const wanted = process.env.EDGE_SIGNER_NODE
  if (wanted === undefined && isSupportedNode(process.versions.node)) return process.execPath
  const version = wanted ?? pinnedNode
  const fetched = fetchedNode(root, version)
  if (fetched !== undefined) return fetched
  const reason =
    wanted === undefined ? `Node ${process.versions.node} is older than ${oldestNode}` : `EDGE_SIGNER_NODE=${wanted}`
  if (command === 'serve') {
    console.error(`${reason}, and a server for the public installs nothing: run npm run setup, which fetches Node.`)
    process.exit(1)
  }
  console.log(`${reason}: fetching Node ${version} into .local/tools …`)
  const program = await fetchNode(root, version, (npmArgs) => runNpm(npmArgs))
  if (program !== undefined) return program
  console.error(`Node ${version} could not be fetched: install Node ${oldestNode} or newer.`)
  process.exit(1)
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
  // With NODE_ENV=production npm would leave out what the tests need.
  if (await runNpm(['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error'])) return
  console.error('npm ci failed: see its message above.')
  process.exit(1)
}

/** Runs npm in the project's folder. Resolves to its success. */
async function runNpm(npmArgs) {
  start(process.platform === 'win32' ? 'npm.cmd' : 'npm', npmArgs, { cwd: root, stdio: 'inherit' })
  const status = await new Promise((resolve) => child.once('exit', resolve))
  child = undefined
  return status === 0
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
