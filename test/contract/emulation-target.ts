import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import config from '../../edge-signer.config.ts'
import { createLocalRevocations } from '../../local/state/revocation-stores.ts'
import { readKeyDocument, type StateFiles, stateFiles } from '../../local/state/state-files.ts'
import { type RunningStage, startStage } from '../../server/start.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { firstOf } from '../../shared/config/session-algorithms.ts'
import { parseResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { newestUsableKey } from '../../shared/keys/key-document.ts'
import { revoke } from '../../shared/revocation/revoke.ts'
import { send } from '../support/http-client.ts'
import type { TrustedKey } from '../support/policy-signer.ts'
import { createSessionMaker, type SessionMaker } from '../support/session-maker.ts'
import { parseLine } from '../support/set-cookie.ts'
import { writeContent } from './content.ts'
import { readsRevocationsFromState, type Setting } from './modes.ts'
import type { Target, User } from './target.ts'

const { session } = parseDeployment(config, 'local').config

/** A running emulation as plain data, so that vitest can hand it from the process that started it to every test file. */
export interface SharedEmulation {
  readonly setting: Setting
  readonly url: string
  readonly content: string
  readonly stateDirectory: string
}

/** An emulation with a bucket and a state of its own, on a free port; `stop` leaves nothing behind. */
export async function startOwnEmulation(
  setting: Setting,
): Promise<SharedEmulation & Pick<RunningStage, 'coldStart' | 'propagationDelay' | 'stop'>> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-contract-'))
  const content = join(directory, 'content')
  mkdirSync(content)
  writeContent(content)
  const removeAll = () => rmSync(directory, { recursive: true, force: true })
  const stateDirectory = join(directory, 'state')
  const emulation = await startStage({
    port: 0,
    content,
    stateDirectory,
    enforcement: setting.mode,
    bootstrap: setting.bootstrap,
  }).catch((error: unknown) => {
    removeAll()
    throw error
  })
  return {
    setting,
    url: emulation.url,
    content,
    stateDirectory,
    propagationDelay: emulation.propagationDelay,
    coldStart: emulation.coldStart,
    stop: async () => {
      await emulation.stop()
      removeAll()
    },
  }
}

/** An emulation that only the calling file uses, which may therefore revoke access in it. */
export async function startEmulationTarget(setting: Setting): Promise<Target> {
  const emulation = await startOwnEmulation(setting)
  const revocations = createLocalRevocations({ ...emulation, state: stateFiles(emulation.stateDirectory) })
  return {
    ...connectToEmulation(emulation),
    revoke: async ({ prefix, at, ...whom }) => {
      await revoke({ prefix: parseResourcePrefix(prefix), ...whom }, revocations, at)
      // The 30 s for which the function keeps what it read are a unit test's; here they would only be waited for.
      if (readsRevocationsFromState(setting)) await emulation.coldStart()
    },
    stop: emulation.stop,
  }
}

/** An emulation that other files use concurrently. Its starter stops it. */
export function connectToEmulation({ setting, url, stateDirectory }: SharedEmulation): Target {
  const state = stateFiles(stateDirectory)
  return {
    kind: 'emulation',
    setting,
    baseUrl: url,
    host: new URL(url).host,
    sessionCookie: session.cookieName,
    login: (sub) => logIn(url, sub),
    sessions: sessionsOf(state),
    key: trustedKeyOf(state),
    stop: async () => {},
  }
}

async function logIn(baseUrl: string, sub: User): Promise<string> {
  const { status, setCookie } = await send(baseUrl, { path: `/dev/login?sub=${sub}` })
  const cookie = setCookie.map(parseLine).find(({ name }) => name === session.cookieName)
  if (cookie === undefined) throw new Error(`/dev/login answered ${status} without the session cookie`)
  return cookie.value
}

function sessionsOf(state: StateFiles): SessionMaker {
  const secret = readKeyDocument(state).sessionSecret
  if (secret === undefined || session.issuer === null || session.audience === null) {
    throw new Error('the stage local has a session secret, an issuer and an audience')
  }
  return createSessionMaker({ secret, issuer: firstOf(session.issuer), audience: firstOf(session.audience) })
}

function trustedKeyOf(state: StateFiles): TrustedKey {
  const { algorithm, keyPairId, privateKey } = newestUsableKey(readKeyDocument(state), Math.floor(Date.now() / 1000))
  if (privateKey === undefined) throw new Error('the stage local has its private key in the key document')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { keyPairId, privateKey: pem, hash: algorithm === 'RS1' ? undefined : 'SHA256' }
}
