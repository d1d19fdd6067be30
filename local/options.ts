import type { Unknowns } from './edge/edge-config.ts'
import type { PackagedStage } from './package-stage.ts'

/** What a server for the public has and an emulation has not. */
export interface ProductionOptions {
  /** A stage of edge-signer.config.ts. */
  readonly stage: string
  /** The one name that is served: `cdn.example.com`. */
  readonly host: string
  /** The port that clients use, where it is another than the one that is listened on: something in front maps it. */
  readonly publicPort?: number
  /** PEM files; read again on `reload`. */
  readonly certificate: string
  readonly key: string
  /** Folder of `access.log` and `error.log`. */
  readonly logs: string
}

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
  /** Before every key in the bucket, such as `assets/`; default: the config's. */
  readonly keyPrefix?: string
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
  /** A single server for the public in place of an emulation for one machine. */
  readonly production?: ProductionOptions
  /** Another package than that of this project, e.g. a template under test; its functions are read from its folder. */
  readonly packaged?: PackagedStage
  /** Progress and faults, a line each. */
  readonly log?: (line: string) => void
}
