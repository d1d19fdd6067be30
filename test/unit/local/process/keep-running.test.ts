import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { RunningProcess } from '../../../../local/process/child-process.ts'
import { keepRunning } from '../../../../local/process/keep-running.ts'

interface Fake extends RunningProcess {
  end(why: string): void
  readonly stopped: () => boolean
}

let made: Fake[]
let failures: number
const lines: string[] = []
const name = 'The server'
const log = (line: string) => void lines.push(line)

async function start(): Promise<Fake> {
  if (failures > 0) {
    failures -= 1
    throw new Error('no start')
  }
  let end = (_why: string) => {}
  let stopped = false
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  const stop = async () => {
    stopped = true
    end('SIGTERM')
  }
  const process = { pid: made.length + 1, ended, stop, end, stopped: () => stopped }
  made.push(process)
  return process
}

/** Lets everything happen that waits for nothing. */
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  made = []
  failures = 0
  lines.length = 0
})
afterEach(() => void vi.useRealTimers())

it('starts a process again that ended by itself, and says so', async () => {
  const kept = await keepRunning(start, { name, log })
  made[0]?.end('SIGKILL')
  await settle()
  expect(kept.pid()).toBe(2)
  made[1]?.end('status 1')
  await settle()
  expect(kept.pid()).toBe(3)
  expect(lines).toEqual([
    'The server ended (SIGKILL); it is started again.',
    'The server ended (status 1); it is started again.',
  ])
})

it('throws where the first start fails', async () => {
  failures = 1
  await expect(keepRunning(start, { name, log })).rejects.toThrow('no start')
})

it('tries again after a pause that doubles, at most 5 s', async () => {
  const kept = await keepRunning(start, { name, log })
  failures = 9
  made[0]?.end('SIGKILL')
  for (const [index, pause] of [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000].entries()) {
    await vi.advanceTimersByTimeAsync(pause - 1)
    expect(lines.filter((line) => line === 'no start')).toHaveLength(index + 1)
    await vi.advanceTimersByTimeAsync(1)
  }
  expect(kept.pid()).toBe(2)
})

it('stays stopped', async () => {
  const kept = await keepRunning(start, { name, log })
  await kept.stop()
  await settle()
  expect(made.map(({ stopped }) => stopped())).toEqual([true])
  expect(lines).toEqual([])
})

it('leaves nothing behind where it is stopped in the middle of a revival', async () => {
  const kept = await keepRunning(start, { name, log })
  made[0]?.end('SIGKILL')
  await made[0]?.ended
  await kept.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(made.at(-1)?.stopped()).toBe(true)
  expect(made.length).toBeLessThanOrEqual(2)
})

it('gives up a revival that waits, where it is stopped', async () => {
  const kept = await keepRunning(start, { name, log })
  failures = 1
  made[0]?.end('SIGKILL')
  await settle()
  await kept.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(made).toHaveLength(1)
})

it('starts another on purpose without a word', async () => {
  const kept = await keepRunning(start, { name, log })
  await kept.restart()
  await settle()
  expect(kept.pid()).toBe(2)
  expect(made[0]?.stopped()).toBe(true)
  expect(made).toHaveLength(2)
  expect(lines).toEqual([])
})
