import { inject } from 'vitest'
import type { TrustedKey } from '../support/policy-signer.ts'
import { createSessionMaker, type SessionMaker } from '../support/session-maker.ts'
import { startDeployedTarget } from './deployed-target.ts'
import { connectToEmulation, type SharedEmulation, startEmulationTarget } from './emulation-target.ts'
import { type Setting, settings } from './modes.ts'

export { createSessionMaker, type SessionMaker, type TrustedKey }

/** The system under test. The suite uses HTTP; the optional members are for cases that need more. */
export interface Target {
  readonly kind: 'emulation' | 'deployed'
  readonly setting: Setting
  /** Origin of the requests: `http://localhost:8080`. */
  readonly baseUrl: string
  /** The name in policies and in the `Host` header: `localhost:8080`. */
  readonly host: string
  readonly sessionCookie: string
  /** The session token of a user that the app knows. */
  login(sub: User): Promise<string>
  /** Makes sessions of any kind; needs the app's session secret. */
  readonly sessions?: SessionMaker
  /** Signs policies as CloudFront's owner does; needs the private key. */
  readonly key?: TrustedKey
  /** Ends access to a prefix as an operator did at `at` (epoch seconds), and waits until the edge knows it. */
  revoke?(order: { prefix: string; sub?: string; at: number }): Promise<void>
  stop(): Promise<void>
}

/** The users of the suite. A deployed target has a session of each in the environment. */
export type User = 'alice' | 'bob'

/** Abilities beyond HTTP that a case may need, known before anything is started. */
export interface Abilities {
  readonly sessions: boolean
  readonly key: boolean
  readonly revoke: boolean
  /** The sparse image is in the bucket. */
  readonly bigImage: boolean
  /** Requests come from 127.0.0.1, and other addresses of this machine can be used. */
  readonly loopback: boolean
}

/** A target to be: everything that names of cases depend on. */
export interface TargetPlan {
  readonly name: string
  readonly emulated: boolean
  readonly setting: Setting
  readonly can: Abilities
  /** Starts a target for the caller alone. */
  start(): Promise<Target>
  /** Connects to the target that all files share. */
  share(): Promise<Target>
}

/** The deployed stage that the environment names, else the emulation in each of its settings. */
export function plannedTargets(environment: NodeJS.ProcessEnv = process.env): readonly TargetPlan[] {
  const url = environment.EDGE_SIGNER_URL
  if (url !== undefined && url !== '') return [deployedPlan(url, environment)]
  return settings.map((setting) => ({
    name: `emulation, ${setting.mode}, bootstrap ${setting.bootstrap}`,
    emulated: true,
    setting,
    can: { sessions: true, key: true, revoke: true, bigImage: true, loopback: true },
    start: () => startEmulationTarget(setting),
    share: async () => connectToEmulation(sharedEmulation(setting)),
  }))
}

function deployedPlan(url: string, environment: NodeJS.ProcessEnv): TargetPlan {
  const setting: Setting = {
    mode: environment.EDGE_SIGNER_ENFORCEMENT === 'gate' ? 'gate' : 'key-group',
    bootstrap: environment.EDGE_SIGNER_BOOTSTRAP === 'none' ? 'none' : 'error-page',
  }
  return {
    name: `deployed, ${setting.mode}, bootstrap ${setting.bootstrap}`,
    emulated: false,
    setting,
    can: {
      sessions: false,
      key: false,
      revoke: false,
      bigImage: environment.EDGE_SIGNER_BIG_IMAGE === '1',
      loopback: false,
    },
    start: async () => startDeployedTarget(url, setting, environment),
    share: async () => startDeployedTarget(url, setting, environment),
  }
}

function sharedEmulation({ mode, bootstrap }: Setting): SharedEmulation {
  const found = inject('emulations').find(({ setting }) => setting.mode === mode && setting.bootstrap === bootstrap)
  if (found === undefined) throw new Error(`no emulation was started for ${mode}, ${bootstrap}`)
  return found
}
