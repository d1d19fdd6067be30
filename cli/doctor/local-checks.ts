import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { stampKeyName } from '../../shared/revocation/key-value.ts'
import { fail, pass } from '../finding.ts'
import { showDuration } from '../input/time.ts'
import { readLocalKeyStatus } from '../keys/status.ts'
import { defaultStateDirectory, findRunningStage, readLocalStage } from '../stage/local-stage.ts'
import type { Check } from './check.ts'

/** Port and state directory of the local stage. */
export interface LocalStageOptions {
  readonly port: number
  readonly state: string | undefined
  /** Epoch seconds. */
  readonly now: number
}

const localDirectory = dirname(defaultStateDirectory)

/** Checks of the stage that runs on this machine. */
export function localChecks({ port, state = defaultStateDirectory, now }: LocalStageOptions): readonly Check[] {
  return [
    {
      name: 'tools',
      async run() {
        const names = ['nginx', 'njs']
        const missing = names.filter((name) => findTool(name) === undefined)
        if (missing.length === 0) return pass(names.map((name) => findTool(name)).join(', '))
        return fail(
          `${missing.join(', ')} not found`,
          'npm start installs them on Debian and Ubuntu, and elsewhere says what to install',
        )
      },
    },
    {
      name: 'port',
      async run() {
        if (await isFree(port)) return pass(`${port} is free`)
        const running = await findRunningStage(port, state)
        if (running !== undefined) return pass(`${port}: a local stage runs here (process ${running.process})`)
        return fail(`${port} is used by another program`, `stop it, or npm start -- --port ${port + 1}`)
      },
    },
    {
      name: 'keys',
      async run() {
        if (!existsSync(join(state, 'secret.json'))) return pass('none yet: npm start makes them')
        const { keys, faults } = await readLocalKeyStatus(state, now)
        if (faults.length > 0) return fail(faults.join('; '), `delete ${state}, and npm start makes new ones`)
        return pass(keys.map(({ keyPairId, algorithm, role }) => `${keyPairId} ${algorithm} ${role}`).join(', '))
      },
    },
    {
      name: 'stamp key',
      async run() {
        if (!existsSync(join(state, 'secret.json'))) return pass('none yet: npm start makes it')
        const { document } = await readLocalStage(state)
        const file = join(state, 'key-value-store', createHash('sha256').update(stampKeyName).digest('hex'))
        const seen = await readFile(file, 'utf8').catch(() => undefined)
        if (seen === document.stampKey) return pass('the guard has the key of the session function')
        return fail(
          'the guard does not have the key of the session function: a revoked prefix would stay closed',
          'start the stage again',
        )
      },
    },
    {
      name: 'clock',
      async run() {
        if (!existsSync(join(state, 'secret.json'))) return pass('nothing to compare with yet')
        const { document } = await readLocalStage(state)
        const ahead = Math.min(...document.keys.map(({ notBefore }) => notBefore)) - now
        if (ahead <= 0) return pass('not behind the time at which the keys were made')
        return fail(`${showDuration(ahead)} behind the time at which the keys were made`, 'set the clock')
      },
    },
  ]
}

function findTool(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    join(localDirectory, 'tools/usr/sbin'),
    join(localDirectory, 'tools/usr/bin'),
  ]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
