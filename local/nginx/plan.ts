import type { Unknowns } from '../edge/edge-config.ts'
import type { Distribution } from '../template/model.ts'

/** Everything that nginx's configuration is made from. All paths are absolute. */
export interface NginxPlan {
  readonly distribution: Distribution
  readonly unknowns: Unknowns
  readonly port: number
  /** `[::1]` too. */
  readonly ipv6: boolean
  readonly tls: { readonly certificate: string; readonly key: string } | undefined
  /** The server for the public that this is; `undefined` for an emulation, which only this machine reaches. */
  readonly production: { readonly host: string; readonly logs: string } | undefined
  readonly njsModule: string
  /** nginx starts as root and keeps root: files in a 0700 home are readable to their owner only. */
  readonly asRoot: boolean
  readonly directories: {
    /** Configuration, logs, temporary files. */
    readonly run: string
    /** Folder of `js_path`. */
    readonly njs: string
    /** The bucket's objects. */
    readonly content: string
    /** Our own pages, `_edge/pages/` in the bucket. */
    readonly pages: string
    readonly keyValueStore: string
  }
  readonly sockets: Sockets
  /** Uploads and download links; `undefined` where the stage has none. */
  readonly assets: NginxAssets | undefined
}

/** What nginx knows of the assets. */
export interface NginxAssets {
  /** Where the upload server listens: a unix socket. */
  readonly uploadSocket: string
  /** Answers where the upload server could not: a unix socket. */
  readonly fallbackSocket: string
  readonly linkSecret: string
  /** Folder of the content types that names do not tell, by object name. */
  readonly types: string
  /** The largest upload, in bytes. */
  readonly maxBytes: number
  /** Whose pages may upload and read the answers: origins, whose port may be `*`. */
  readonly allowedOrigins: readonly string[]
  /** An app serves every other path. */
  readonly beside: boolean
}

/** Unix sockets inside the emulation, as absolute paths. */
export interface Sockets {
  readonly bucket: string
  readonly verifier: string
  /** `/dev/login`. */
  readonly own: string
  /** By logical id of the function. */
  readonly lambdas: Readonly<Record<string, string>>
  /** By origin id, for origins other than the bucket: what nginx's `server` takes, `unix:/…` or `host:port`. */
  readonly origins: Readonly<Record<string, string>>
}
