import type { Listener } from '../nginx/listener.ts'
import type { Unknowns } from './edge-config.ts'
import type { Distribution } from './template/model.ts'

/** Everything that nginx's configuration is made from. All paths are absolute. */
export interface NginxPlan {
  readonly distribution: Distribution
  readonly unknowns: Unknowns
  readonly listener: Listener
  readonly njsModule: string
  readonly connections: ConnectionLimits
  /** Keeps nginx's workers root if it is started as root: files in a 0700 home are readable by their owner only. */
  readonly asRoot: boolean
  readonly directories: {
    /** Configuration, logs, temporary files. */
    readonly run: string
    /** Folder of `js_path`. */
    readonly njs: string
    readonly keyValueStore: string
  }
  readonly sockets: Sockets
  /** The servers beside the edge: the bucket, and those of the extension. */
  readonly additions: readonly NginxAddition[]
}

/** The part of nginx's configuration that belongs to a server beside the edge. */
export interface NginxAddition {
  /** Directives of `http`: maps, upstreams, servers. */
  readonly http?: readonly string[]
  /** Locations of the edge's server, matched before the edge decides. */
  readonly locations?: readonly string[]
  readonly modules?: readonly NjsModule[]
  /** Absolute paths of njs modules that are copied unchanged. */
  readonly files?: readonly string[]
  /** Values of njs globals, by name. */
  readonly preloads?: Readonly<Record<string, unknown>>
}

/** An njs module in TypeScript, loaded by the first request that needs it. */
export interface NjsModule {
  readonly name: string
  /** Absolute path. Exports `use` and the functions below. */
  readonly entry: string
  /** Functions that nginx calls for a variable of `js_set`: `main.<name>`. */
  readonly decisions: readonly string[]
  /** Functions that nginx calls for content or as header filters. */
  readonly handlers: readonly string[]
}

/** Limits of each nginx worker. */
export interface ConnectionLimits {
  /** Connections to viewers, to the servers behind nginx, and within nginx. */
  readonly perWorker: number
  /** Open files, including connections. */
  readonly files: number
}

/**
 * Returns the limits of a worker that may open up to `hardLimit` files. A range request takes three connections (viewer, edge to
 * bucket, bucket from edge) and a file. With four files for each connection a worker runs out of connections first, and waits for
 * one. If it ran out of files, it would respond 404 for a file that exists.
 */
export function connectionLimits(hardLimit: number): ConnectionLimits {
  const files = Math.min(hardLimit, 65_536)
  return { files, perWorker: Math.floor(files / 4) }
}

/** Absolute paths of the unix sockets inside the emulation. */
export interface Sockets {
  readonly bucket: string
  readonly verifier: string
  /** The development pages, such as `/dev/login`. */
  readonly devPages: string
  /** By logical id of the function. */
  readonly lambdas: Readonly<Record<string, string>>
  /** By origin id, for origins other than the bucket, in the form that nginx's `server` takes: `unix:/…` or `host:port`. */
  readonly origins: Readonly<Record<string, string>>
}
