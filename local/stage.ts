import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sockets } from './cloudfront/plan.ts'
import { readDistribution } from './cloudfront/template/distribution.ts'
import type { Distribution } from './cloudfront/template/model.ts'
import { UnsupportedConstructError } from './local-error.ts'
import type { PackagedStage } from './package-stage.ts'
import { appOrigin, type Site } from './site.ts'
import { prepareState, type StateFiles } from './state/state-files.ts'

/** A packaged site with its folders, keys and sockets: everything that its servers are started from. */
export interface Stage extends Pick<Site, 'deployment' | 'propagationDelay' | 'log'> {
  readonly packaged: PackagedStage
  readonly distribution: Distribution
  readonly state: StateFiles
  /** Real path of the bucket's root: nginx does not follow symbolic links below it. */
  readonly content: string
  /** True if an app serves all other paths. */
  readonly hasApp: boolean
  /** Folder of the unix sockets. */
  readonly socketDirectory: string
  /** Every socket that a server of the stage listens on. */
  readonly sockets: Sockets
}

/** Id of the only distribution. */
export const distributionId = 'EDFDVBD6EXAMPLE'

/**
 * Reads the packaged template, and creates the folders, keys and secrets that are missing. The folder of sockets is new; the caller
 * removes it.
 *
 * @throws UnsupportedConstructError if the stage cannot be run on this machine.
 */
export function prepareStage(site: Site, packaged: PackagedStage): Stage {
  const { deployment, propagationDelay, log } = site
  const distribution = readDistribution(packaged.template)
  mkdirSync(site.content, { recursive: true })
  const state = prepareState(site.stateDirectory, deployment.config.keys.algorithm, Math.floor(Date.now() / 1000))
  // A socket's path has at most 107 bytes, and the project's path may be longer.
  const socketDirectory = mkdtempSync(join(tmpdir(), 'edge-signer-'))
  try {
    return {
      deployment,
      propagationDelay,
      log,
      packaged,
      distribution,
      state,
      content: realpathSync(site.content),
      hasApp: site.app !== undefined,
      socketDirectory,
      sockets: planSockets(distribution, socketDirectory, site.app),
    }
  } catch (error) {
    rmSync(socketDirectory, { recursive: true, force: true })
    throw error
  }
}

function planSockets(distribution: Distribution, directory: string, app: string | undefined): Sockets {
  const socket = (name: string) => join(directory, `${name}.sock`)
  const lambdas = new Set(
    distribution.behaviours.flatMap(({ viewerRequest }) =>
      viewerRequest?.kind === 'lambda-edge' ? [viewerRequest.logicalId] : [],
    ),
  )
  const origins = distribution.origins.flatMap((origin, index): Array<[string, string]> => {
    if (origin.kind === 'bucket') return []
    if (origin.kind === 'http-api') return [[origin.id, `unix:${socket(`o${index}`)}`]]
    if (origin.domainName === appOrigin && app !== undefined) return [[origin.id, app]]
    throw new UnsupportedConstructError(
      `Origin ${origin.id}`,
      `${origin.domainName} is not on this machine; name the app that runs here with --app`,
    )
  })
  return {
    bucket: socket('bucket'),
    verifier: socket('verifier'),
    devPages: socket('dev-pages'),
    lambdas: Object.fromEntries([...lambdas].map((id, index) => [id, socket(`l${index}`)])),
    origins: Object.fromEntries(origins),
  }
}
