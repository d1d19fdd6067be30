/** After a process of the single server or of `npm start` is killed, nothing keeps the next start from serving. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { endLeftovers, writeOwner } from '../../../local/nginx/leftovers.ts'
import { runDirectory } from '../../../local/paths.ts'
import { holdPort } from '../../../local/process/ports.ts'
import { requireParts } from '../../support/parts.ts'
import { type Descendant, descendantsOf, isRunning } from '../../support/processes.ts'
import { prepareServe, type ServeProcess } from '../../support/serve-process.ts'

const soon = { timeout: 20_000, interval: 50 }

/** Waits until none of the processes runs; the commands of those that do. */
async function survivors(processes: readonly Descendant[]): Promise<string[]> {
  const running = () => processes.filter(({ pid }) => isRunning(pid)).map(({ command }) => command)
  await vi.waitUntil(() => running().length === 0, soon).catch(() => {})
  return running()
}

/** All that a server has started. nginx says that it serves before its workers have their names. */
async function wholeTree(pid: number): Promise<Descendant[]> {
  const workers = () => descendantsOf(pid).filter(({ command }) => command.includes('nginx: worker'))
  await vi.waitUntil(() => workers().length === cpus().length, soon)
  return descendantsOf(pid)
}

const find = (processes: readonly Descendant[], part: string): number => {
  const found = processes.find(({ command }) => command.includes(part))
  if (found === undefined)
    throw new Error(`no process ${part} among ${processes.map(({ command }) => command).join('\n')}`)
  return found.pid
}

describe.runIf(process.platform === 'linux')('the single server', () => {
  let server: ServeProcess
  beforeAll(async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    server = await prepareServe()
  })
  afterEach(() => server.stop())
  afterAll(() => {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    server?.remove()
  })
  const started = async () => {
    await server.start()
    return wholeTree(server.child().pid ?? 0)
  }
  const serves = async () => (await server.send({ path: '/public/logo.txt' })).status

  it("ends with status 1 and leaves no worker when nginx's master is killed, and starts again", async () => {
    const processes = await started()
    const gone = once(server.child(), 'exit')
    process.kill(find(processes, 'nginx: master'), 'SIGKILL')
    expect(await gone).toEqual([1, null])
    expect(await survivors(processes)).toEqual([])
    await server.start()
    expect(await serves()).toBe(200)
  })

  it('starts again by itself after workers were left that hold the port and do not answer', async () => {
    const processes = await started()
    const workers = processes.filter(({ command }) => command.includes('nginx: worker'))
    // A worker that spins takes no signal but SIGKILL; a stopped one neither.
    for (const { pid } of workers) process.kill(pid, 'SIGSTOP')
    for (const part of ['server/main.ts', 'nginx: master']) process.kill(find(processes, part), 'SIGSTOP')
    const gone = once(server.child(), 'exit')
    for (const part of ['nginx: master', 'server/main.ts']) process.kill(find(processes, part), 'SIGKILL')
    await gone
    expect(workers.filter(({ pid }) => isRunning(pid))).toHaveLength(workers.length)
    await server.start()
    expect(await serves()).toBe(200)
    expect(await survivors(processes)).toEqual([])
  })

  it('does not start beside a server of the same folder that lives, and leaves it alone', async () => {
    const processes = await started()
    const second = server.run()
    const [status] = await once(second, 'exit')
    expect([status, server.said()]).toEqual([1, expect.stringContaining(`Port ${server.port} is taken`)])
    expect(processes.filter(({ pid }) => !isRunning(pid))).toEqual([])
    expect(await serves()).toBe(200)
    process.kill(find(processes, 'server/main.ts'), 'SIGTERM')
    expect(await survivors(processes)).toEqual([])
  })

  it.each(['the entry script', 'the supervisor'])('ends everything when %s is killed', async (which) => {
    const processes = await started()
    const gone = once(server.child(), 'exit')
    if (which === 'the entry script') server.child().kill('SIGKILL')
    else process.kill(find(processes, 'server/main.ts'), 'SIGKILL')
    await gone
    expect(await survivors(processes)).toEqual([])
    expect(existsSync(runDirectory(server.port))).toBe(which === 'the supervisor')
  })

  it('kills workers that ignore SIGTERM, such as spinning ones', async () => {
    const processes = await started()
    process.kill(find(processes, 'nginx: worker'), 'SIGSTOP')
    await server.stop()
    expect(server.child().exitCode).toBe(0)
    expect(await survivors(processes)).toEqual([])
  })

  it('outlives SIGHUP at any moment of its start', async () => {
    const child = server.run(['--no-tusd'])
    // Node itself has to be up before a script can take a signal.
    await vi.waitUntil(() => descendantsOf(child.pid ?? 0).length > 0, soon)
    while (!server.said().includes('\nready ') && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGHUP')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect([child.exitCode, child.signalCode]).toEqual([null, null])
    child.kill('SIGHUP')
    expect(await serves()).toBe(200)
  })

  it('serves two thousand readers at once', async () => {
    await server.start()
    const statuses = await Promise.all([...Array(2000)].map(() => serves().catch((error: Error) => error.message)))
    expect(statuses.filter((status) => status !== 200)).toEqual([])
  })
})

describe.runIf(process.platform === 'linux')('npm start', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('ends everything when npm itself gets %s', async (signal) => {
    const directory = mkdtempSync(join(tmpdir(), 'edge-signer-npm-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    mkdirSync(join(directory, 'content'))
    const held = await holdPort(0, true)
    await held.release()
    const options = ['--port', String(held.port), '--content', join(directory, 'content'), '--no-tusd']
    const npm = spawn('npm', ['start', '--', ...options])
    let said = ''
    for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
    await vi.waitUntil(() => said.includes('\nready ') || npm.exitCode !== null, { timeout: 120_000, interval: 50 })
    expect(said).toContain('\nready ')
    const processes = await wholeTree(npm.pid ?? 0)
    process.kill(find(processes, 'nginx: worker'), 'SIGSTOP')
    npm.kill(signal)
    expect(await survivors(processes)).toEqual([])
    expect(existsSync(runDirectory(held.port))).toBe(false)
  })
})

describe.runIf(process.platform === 'linux')('what a crash has left in a run folder', () => {
  let directory: string
  const strangers: ChildProcess[] = []
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'edge-signer-run-'))
  })
  afterAll(() => {
    for (const stranger of strangers) stranger.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  const begin = async (program: string, args: readonly string[], cwd: string) => {
    const child = spawn(program, args, { cwd, stdio: 'ignore' })
    strangers.push(child)
    await once(child, 'spawn')
    return child.pid ?? 0
  }

  it('is found by its program and its folder: no other process is ended', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'edge-signer-run-'))
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }))
    // nginx as leftovers know it, with a configuration that listens nowhere.
    const nginx = join(directory, 'nginx')
    cpSync(requireParts().nginx, nginx)
    writeFileSync(join(directory, 'nginx.conf'), 'daemon off; master_process off; pid /dev/null; events {}')
    const args = ['-p', directory, '-e', '/dev/null', '-c', join(directory, 'nginx.conf')]
    const stale = await begin(nginx, args, directory)
    const other = await begin(nginx, args, elsewhere)
    const shell = await begin('sleep', ['600'], directory)
    await vi.waitUntil(() => [stale, other].every(isRunning), soon)
    // The supervisor of the mark is this process, which started them: they live.
    writeOwner(directory, directory)
    await endLeftovers(directory)
    expect([stale, other, shell].map(isRunning)).toEqual([true, true, true])
    writeFileSync(join(directory, 'supervisor.json'), JSON.stringify({ pid: 2 ** 30, socketDirectory: '/nowhere' }))
    await endLeftovers(directory)
    expect([stale, other, shell].map(isRunning)).toEqual([false, true, true])
  })
})
