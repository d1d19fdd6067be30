import type { Unknowns } from './edge/edge-config.ts'
import type { PackagedStage } from './package-stage.ts'

/** How an emulation is started. Everything has a default. */
export interface EmulationOptions {
  /** Default 8080; 0 takes a free one. */
  readonly port?: number
  /** The bucket's root; default `.local/content`. Made where it is missing. */
  readonly content?: string
  /** Keys, secrets, KeyValueStore; default `.local/state`. */
  readonly stateDirectory?: string
  /** Default: what `edge-signer.config.ts` says for the stage `local`. */
  readonly enforcement?: 'key-group' | 'gate'
  readonly bootstrap?: 'error-page' | 'none'
  /** `Domain` of the cookies, such as `example.test`, to share them between `app.` and `cdn.`; default: the config's. */
  readonly cookieDomain?: string
  /** HTTPS with a certificate that nobody trusts; Safari keeps `Secure` cookies of no other. */
  readonly tls?: boolean
  /** Seconds until a change of the key group or the KeyValueStore takes effect; default 0. */
  readonly propagationDelay?: number
  /** The app behind every path that is not ours, e.g. `http://127.0.0.1:5173`; none answers 404. */
  readonly app?: string
  readonly unknowns?: Partial<Unknowns>
  /** `true` insists on tusd, `false` on the embedded upload server; default: tusd where it is there. */
  readonly tusd?: boolean
  /** Builds tusd aside for the next start where it is missing and Go is there; for stages that run long. */
  readonly buildTusd?: boolean
  /** Where uploads arrive and records are kept, on the file system of the content; default: beside the content. */
  readonly uploads?: string
  /** Another package than that of this project, e.g. a template under test; its functions are read from its folder. */
  readonly packaged?: PackagedStage
  /** Progress and faults, a line each. */
  readonly log?: (line: string) => void
}
