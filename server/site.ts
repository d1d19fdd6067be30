import { createPrivateKey, X509Certificate } from 'node:crypto'
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { defaultUnknowns } from '../local/cloudfront/edge-config.ts'
import { LocalError } from '../local/local-error.ts'
import { type Site, type SiteOptions, siteOfStage } from '../local/site.ts'
import type { Deployment } from '../shared/config/parse.ts'
import { publicListener } from './nginx/listener.ts'

/** Options of a server for the public. */
export interface ServerOptions extends SiteOptions {
  /** A stage of `edge-signer.config.ts`. */
  readonly stage: string
  /** The only name that is served: `cdn.example.com`. */
  readonly host: string
  /** The port that nginx listens on; default 443, and 0 chooses a free one. */
  readonly port?: number
  /** The port that clients use, if something in front of this server maps it; default: the one that nginx listens on. */
  readonly publicPort?: number
  /** PEM files, read again on `reload`. */
  readonly certificate: string
  readonly key: string
  /** Folder of `access.log` and `error.log`. */
  readonly logs: string
}

/**
 * The single server: it listens on every address of this machine, under one name, over TLS.
 *
 * @throws ConfigError naming each wrong field; LocalError if the stage makes its cookies for another host.
 */
export function publicSite(options: ServerOptions): Site {
  const { host, port = 443, publicPort, certificate, key, logs } = options
  const stage = siteOfStage(options.stage, options)
  const url = (listening: number) => publicUrl(host, publicPort ?? listening)
  requireOwnHost(stage.deployment, url(port))
  return {
    ...stage,
    port,
    url,
    listener: async (place) => publicListener({ host, certificate, key, logs }, place),
    hasDevPages: false,
    logs,
    propagationDelay: 0,
    unknowns: defaultUnknowns,
    summary: () => `stage    ${options.stage}`,
  }
}

/** Returns the origin of every URL for clients. */
export function publicUrl(host: string, port: number): string {
  return `https://${host}${port === 443 ? '' : `:${port}`}`
}

/**
 * Checks the host name, certificate and log folder before anything starts. Visitors would otherwise be the first to notice a
 * certificate for another name.
 *
 * @returns the options with absolute paths and the host in lower case.
 * @throws LocalError naming the wrong option.
 */
export function checkServerOptions<Options extends ServerOptions>(given: Options): Options {
  const host = given.host.toLowerCase()
  if (!/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(host)) {
    throw new LocalError('--host must be a host name such as cdn.example.com')
  }
  const [certificate, key, logs] = [resolve(given.certificate), resolve(given.key), resolve(given.logs)]
  const parsed = readPem(certificate, '--certificate', (pem) => new X509Certificate(pem))
  const privateKey = readPem(key, '--key', createPrivateKey)
  if (parsed.checkHost(host) === undefined) throw new LocalError(`--certificate is not for ${host}.`)
  if (!parsed.checkPrivateKey(privateKey)) throw new LocalError('--key does not belong to --certificate.')
  try {
    mkdirSync(logs, { recursive: true })
    accessSync(logs, constants.W_OK)
  } catch (cause) {
    throw new LocalError(`--logs: ${logs} cannot be written.`, { cause })
  }
  return { ...given, host, certificate, key, logs }
}

/**
 * Checks that the server has the address that its stage makes cookies for. Under any other address the server would issue cookies,
 * and then reject them for every private file.
 *
 * @throws LocalError naming both addresses.
 */
export function requireOwnHost({ config: { hosts } }: Deployment, url: string): void {
  if (hosts.primary === null || hosts.primary === new URL(url).host) return
  throw new LocalError(
    `The stage makes its cookies for its cdnHost, ${hosts.primary}, which is not ${url}: both must be the same.`,
  )
}

function readPem<T>(file: string, option: string, parse: (pem: Buffer) => T): T {
  try {
    return parse(readFileSync(file))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new LocalError(`${option}: ${file} ${code === 'ENOENT' ? 'is missing' : 'cannot be read as PEM'}.`, { cause })
  }
}
