import { join, resolve } from 'node:path'
import { loadDeployment, paramSources } from '../infra/load-deployment.ts'
import type { Deployment } from '../shared/config/parse.ts'
import { defaultUnknowns, type Unknowns } from './cloudfront/edge-config.ts'
import { LocalError } from './local-error.ts'
import { type Listener, loopbackListener } from './nginx/listener.ts'
import { type PackagedStage, packageStage } from './package-stage.ts'
import { localDirectory } from './paths.ts'
import { prepareCertificate } from './setup/certificate.ts'

/**
 * Description of a stage that is served from this machine. `localSite` describes the emulation. The single server describes itself
 * with the same type (`server/site.ts`), so `startSite` starts both in the same steps.
 */
export interface Site {
  readonly deployment: Deployment
  /** Packages the stage, or returns the package of an earlier start. */
  package(): Promise<PackagedStage>
  /** The port that nginx listens on; 0 chooses a free one. */
  readonly port: number
  /** Returns the origin of every URL for clients, such as `http://localhost:8080`. `port` is the one that nginx listens on. */
  url(port: number): string
  listener(place: ListenerPlace): Promise<Listener>
  /** Serves the local sign-in, with which anybody can become any user. */
  readonly hasDevPages: boolean
  /** Root of the bucket. It is created if it is missing. */
  readonly content: string
  /** Folder of keys, secrets and the KeyValueStore. */
  readonly stateDirectory: string
  /** Folder of generated files: nginx's configuration, and the stage's package. */
  readonly work: string
  /** Folder of `error.log`; by default the run folder, which exists only while the stage runs. */
  readonly logs: string | undefined
  /** `host:port` of the app that serves all other paths. */
  readonly app: string | undefined
  /** Seconds until a change of the key group or the KeyValueStore takes effect. */
  readonly propagationDelay: number
  readonly unknowns: Unknowns
  /** Returns one line for people about this site. */
  summary(url: string): string
  /** Receives progress and faults, one line each. */
  readonly log: (line: string) => void
}

/** Facts about a start that a listener needs. */
export interface ListenerPlace {
  readonly port: number
  /** True if this machine has IPv6. */
  readonly ipv6: boolean
  /** Paths followed by a token, which logs leave out. */
  readonly tokenPaths: readonly string[]
}

/** Options of every site. All have defaults. */
export interface SiteOptions {
  /** Root of the bucket; default `.local/content`. */
  readonly content?: string
  /** Keys, secrets, KeyValueStore; default `.local/state`. */
  readonly stateDirectory?: string
  /** Generated files; default `.local`. With another folder the project may be read-only. */
  readonly work?: string
  /** Your app behind all other paths, e.g. `http://127.0.0.1:5173`; without it they respond 404. */
  readonly app?: string
  /** Receives progress and faults, one line each. */
  readonly log?: (line: string) => void
}

/** Options of an emulation. All have defaults. */
export interface EmulationOptions extends SiteOptions {
  /** Default 8080; 0 chooses a free one. */
  readonly port?: number
  /** Default: that of the stage `local` in `edge-signer.config.ts`, as for all up to `keyPrefix`. */
  readonly enforcement?: 'key-group' | 'gate'
  readonly bootstrap?: 'error-page' | 'none'
  /** `Domain` of the cookies, such as `example.test`, to share them between `app.` and `cdn.`. */
  readonly cookieDomain?: string
  /** `SameSite` of the cookies: `none` for pages of other sites. */
  readonly cookieSameSite?: 'lax' | 'none'
  /** Origins that may read, separated by commas, or `*`. */
  readonly allowedOrigins?: string
  /** `Cross-Origin-Embedder-Policy` of the pages of `app`. */
  readonly appIsolation?: 'require-corp' | 'credentialless'
  /** Prefix of every key in the bucket, such as `assets/`. */
  readonly keyPrefix?: string
  /** HTTPS with a self-signed certificate. Safari stores `Secure` cookies only over HTTPS. */
  readonly tls?: boolean
  /** Seconds until a change of the key group or the KeyValueStore takes effect; default 0. */
  readonly propagationDelay?: number
  readonly unknowns?: Partial<Unknowns>
}

/** The name of the app's origin in a stage that is served from this machine, whichever app that is. */
export const appOrigin = 'app.localhost'

/**
 * The emulation on this machine's loopback addresses, for the stage `local`.
 *
 * @throws ConfigError naming each wrong field; LocalError if `app` is not an address.
 */
export function localSite(options: EmulationOptions = {}): Site {
  const { port = 8080, tls = false, propagationDelay = 0, unknowns } = options
  const stage = siteOfStage('local', options, stageParams(options))
  return {
    ...stage,
    port,
    url: (listening) => `${tls ? 'https' : 'http'}://localhost:${listening}`,
    async listener({ port: listening, ipv6 }) {
      return loopbackListener(listening, ipv6, tls ? await prepareCertificate(stage.stateDirectory) : undefined)
    },
    hasDevPages: true,
    logs: undefined,
    propagationDelay,
    unknowns: { ...defaultUnknowns, ...unknowns },
    summary: (url) => `sign in  ${url}/dev/login?sub=alice`,
  }
}

/** The parts of a site that depend on its stage and its folders, and not on how clients reach it. */
type SiteOfStage = Pick<Site, 'deployment' | 'package' | 'content' | 'stateDirectory' | 'work' | 'app' | 'log'>

/**
 * Describes a stage of `edge-signer.config.ts` on this machine.
 *
 * @param params deployment parameters, as `--param` takes them.
 * @throws ConfigError naming each wrong field; LocalError if `app` is not an address.
 */
export function siteOfStage(
  stage: string,
  options: SiteOptions,
  params: Readonly<Record<string, string>> = {},
): SiteOfStage {
  const all = { emulated: 'true', ...params, ...(options.app === undefined ? {} : { appOrigin }) }
  const work = resolve(options.work ?? localDirectory)
  return {
    // The functions are packaged from the same value.
    deployment: loadDeployment(stage, paramSources(Object.entries(all).map(([name, value]) => `${name}=${value}`))),
    package: () => packageStage(all, join(work, 'packages'), stage),
    content: resolve(options.content ?? join(localDirectory, 'content')),
    stateDirectory: resolve(options.stateDirectory ?? join(localDirectory, 'state')),
    work,
    app: appAddress(options.app),
    log: options.log ?? (() => {}),
  }
}

function stageParams(options: EmulationOptions): Readonly<Record<string, string>> {
  const { enforcement, bootstrap, cookieDomain, cookieSameSite, allowedOrigins, appIsolation, keyPrefix } = options
  const all = { enforcement, bootstrap, cookieDomain, cookieSameSite, allowedOrigins, appIsolation, keyPrefix }
  const given = Object.entries(all)
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/**
 * Returns `host:port` of an app that is given as `http://host:port`.
 *
 * @throws LocalError for any other address.
 */
function appAddress(app: string | undefined): string | undefined {
  if (app === undefined) return undefined
  const url = URL.canParse(app) ? new URL(app) : undefined
  if (url?.protocol !== 'http:' || url.pathname !== '/') {
    throw new LocalError('--app must be an address such as http://127.0.0.1:5173')
  }
  return `${url.hostname}:${url.port === '' ? '80' : url.port}`
}
