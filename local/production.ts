import { createPrivateKey, X509Certificate } from 'node:crypto'
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Deployment } from '../shared/config/parse.ts'
import { LocalError } from './local-error.ts'
import type { ProductionOptions } from './options.ts'

/**
 * Checks what a server for the public is started with, before anything is: a certificate for another name or a key that does not
 * belong to it would be found by visitors.
 *
 * @throws LocalError naming what is wrong.
 */
export function readProduction(given: ProductionOptions): ProductionOptions {
  const host = given.host.toLowerCase()
  if (!/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(host)) {
    throw new LocalError('--host must be a host name such as cdn.example.com')
  }
  const [certificate, key, logs] = [resolve(given.certificate), resolve(given.key), resolve(given.logs)]
  const parsed = read(certificate, '--certificate', (pem) => new X509Certificate(pem))
  const secret = read(key, '--key', createPrivateKey)
  if (parsed.checkHost(host) === undefined) throw new LocalError(`--certificate is not for ${host}.`)
  if (!parsed.checkPrivateKey(secret)) throw new LocalError('--key does not belong to --certificate.')
  try {
    mkdirSync(logs, { recursive: true })
    accessSync(logs, constants.W_OK)
  } catch (cause) {
    throw new LocalError(`--logs: ${logs} cannot be written.`, { cause })
  }
  return { ...given, host, certificate, key, logs }
}

/**
 * Cookies and stamps are made for the stage's `cdnHost`, where it has one. Under any other address they would be minted, and every
 * private file refused.
 *
 * @param url what clients put before every path.
 * @throws LocalError naming both.
 */
export function requireOwnHost({ config: { cdnHost } }: Deployment, url: string): void {
  if (cdnHost === null || cdnHost === new URL(url).host) return
  throw new LocalError(
    `The stage makes its cookies for its cdnHost, ${cdnHost}, which is not ${url}: both must be one.`,
  )
}

function read<T>(file: string, option: string, parse: (pem: Buffer) => T): T {
  try {
    return parse(readFileSync(file))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new LocalError(`${option}: ${file} ${code === 'ENOENT' ? 'is not there' : 'cannot be read as PEM'}.`, {
      cause,
    })
  }
}
