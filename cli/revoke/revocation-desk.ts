import type { StageConfig } from '../../shared/config/stage-config.ts'
import type { ResourcePrefix } from '../../shared/grant/resource-prefix.ts'

/** Whose access to what. Without `sub`: everybody's. */
export interface Order {
  readonly prefix: ResourcePrefix
  readonly sub?: string
}

/** A revocation as this command prints it. Times in epoch seconds. */
export interface Entry extends Order {
  readonly before: number
  readonly expires: number
}

/** Where an operator revokes access: a deployed stage, or the one that runs on this machine. */
export interface RevocationDesk {
  /** The mode in which the stage runs: it decides how soon a revocation is felt. */
  enforcement(): Promise<StageConfig['enforcement']>
  revoke(order: Order): Promise<Entry>
  /** `false` where there was no such revocation. */
  restore(order: Order): Promise<boolean>
  list(): Promise<readonly Entry[]>
}
