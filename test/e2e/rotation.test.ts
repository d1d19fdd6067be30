import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type RunningStage, startStage } from '../../server/start.ts'
import { ServiceError } from '../../shared/errors.ts'
import type { KeyTimes } from '../../shared/keys/key-times.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import { rotateStep } from '../../shared/keys/rotation/rotate-step.ts'
import { send } from '../support/http-client.ts'
import { localKeyRing } from '../support/local-key-ring.ts'
import { parseLine } from '../support/set-cookie.ts'

/**
 * Two rotations of a serving stage: what is deployed, with files for Secrets Manager and CloudFront's control plane. A change of
 * the key group reaches the edge 3 s later, and the rotation does not know when.
 */
const propagationDelay = 3
const wanted = 20_000
const readers = 16

/** More than the delay, as in a deployment: times are whole seconds, and an edge keeps its answers for one. */
const patient: KeyTimes = { propagation: propagationDelay + 2, clockSkew: 0, maxTtl: 86_400, documentCache: 3600 }
const impatient: KeyTimes = { ...patient, propagation: 0 }

it('two rotations under load refuse nobody', async () => {
  const { refused, served, keys } = await rotateUnderLoad(patient, wanted)
  expect(refused).toBe(0)
  expect(served).toBeGreaterThanOrEqual(wanted)
  // Cookies of all three keys were among them, so old and new were mixed.
  expect(keys).toBe(3)
}, 180_000)

it('refuses cookies if the wait is left out', async () => {
  const { refused } = await rotateUnderLoad(impatient, 2000)
  expect(refused).toBeGreaterThan(0)
}, 180_000)

async function rotateUnderLoad(times: KeyTimes, least: number) {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-rotation-'))
  const content = join(directory, 'content')
  mkdirSync(join(content, 'users/alice'), { recursive: true })
  writeFileSync(join(content, 'users/alice/disk.img'), Buffer.alloc(65_536, 7))
  const stateDirectory = join(directory, 'state')
  const emulation = await startStage({
    port: 0,
    content,
    stateDirectory,
    propagationDelay,
    enforcement: 'key-group',
  })
  try {
    return await run(emulation, times, least)
  } finally {
    await emulation.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function run(emulation: RunningStage, times: KeyTimes, least: number) {
  const { ring, settled } = localKeyRing(emulation, times)
  const session = await logIn(emulation.url)
  const cookies = [await mint(emulation.url, session)]
  const counts = { served: 0, refused: 0 }
  let rotating = true
  const agent = new Agent({ keepAlive: true, maxSockets: readers })
  const load = Array.from({ length: readers }, async () => {
    for (let i = 0; rotating || counts.served + counts.refused < least; i++) {
      const status = await readRange(emulation.url, agent, cookies[i % cookies.length] ?? '')
      counts[status === 206 ? 'served' : 'refused'] += 1
    }
  })
  const rotate = async () => {
    for (let i = 0; i < 2; i++) {
      const version = randomUUID()
      for (const step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const) {
        await untilDone(() => rotateStep(step, version, ring()))
      }
      // A session function reads the new document at a time of its own; here at once, which is the hardest.
      for (let minted = 0; minted < 8; minted++) {
        await emulation.coldStart()
        cookies.push(await mint(emulation.url, session))
        await delay(800)
      }
      await maintainKeys(ring())
    }
    await settled()
    rotating = false
  }
  await Promise.all([rotate(), ...load])
  agent.destroy()
  return { ...counts, keys: new Set(cookies.map(keyPairIdOf)).size }
}

/** Runs a step as Secrets Manager does: a step that has to wait for CloudFront fails, and is called again. */
async function untilDone(step: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void (await step())
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'ERR_KEYS_ROTATION')) throw error
      await delay(500)
    }
  }
}

async function logIn(url: string): Promise<string> {
  const { setCookie } = await send(url, { path: '/dev/login?sub=alice' })
  return setCookie.map((line) => line.split(';')[0]).join('; ')
}

async function mint(url: string, session: string): Promise<string> {
  const { status, setCookie } = await send(url, { path: '/_edge/session', headers: { cookie: session } })
  expect(status).toBe(200)
  const lines = setCookie
    .map(parseLine)
    .filter(({ value, attributes }) => value !== '' && attributes.get('path') === '/users/alice/')
  return lines.map(({ name, value }) => `${name}=${value}`).join('; ')
}

function keyPairIdOf(cookies: string): string | undefined {
  return /CloudFront-Key-Pair-Id=([^;]+)/.exec(cookies)?.[1]
}

/** One range over a connection that is kept, as players and disk readers do it. */
function readRange(url: string, agent: Agent, cookie: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${url}/users/alice/disk.img`,
      { agent, headers: { cookie, range: 'bytes=0-1023' } },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode ?? 0))
        answer.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}
