import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { appAddress, publicUrl } from './addresses.ts'
import { type AssetsStage, startAssets } from './assets/assets-stage.ts'
import { type BackendPlan, planSockets, startApiHosts, startInProcess } from './backends.ts'
import { prepareCertificate } from './certificate.ts'
import { createCleanUp, together } from './clean-up.ts'
import { defaultUnknowns } from './edge/edge-config.ts'
import { keepLambdaHosts } from './hosts/lambda-edge-hosts.ts'
import type { NginxPlan } from './nginx/plan.ts'
import { startNginx } from './nginx/process.ts'
import type { EmulationOptions } from './options.ts'
import { packageStage } from './package-stage.ts'
import { localDirectory, projectDirectory, runDirectory } from './paths.ts'
import { hasIpv6Loopback, holdPort } from './ports.ts'
import { requireOwnHost } from './production.ts'
import { writeRunDirectory } from './run-directory.ts'
import { setUpTools } from './setup/tools.ts'
import { buildTusdAside, findTusd } from './setup/tusd.ts'
import { localDeployment, stageName, stageParams } from './stage.ts'
import { prepareState, type StateFiles } from './state.ts'
import { readDistribution } from './template/distribution.ts'

/** A running emulation. */
export interface Emulation {
  /** `http://localhost:8080` */
  readonly url: string
  readonly port: number
  /** The bucket's root. */
  readonly content: string
  readonly state: StateFiles
  /** Seconds until a change of the key group or the KeyValueStore takes effect. */
  readonly propagationDelay: number
  /** What runs, a line each, for people. */
  readonly description: readonly string[]
  /** Resolves with the reason when nginx ended though nobody stopped it. */
  readonly failed: Promise<string>
  /** What takes uploads; `undefined` where the package brings its own API. */
  readonly uploads: AssetsStage['uploads'] | undefined
  /** Starts the Lambda@Edge functions anew: what they have cached is gone, as after a deploy. */
  coldStart(): Promise<void>
  /** Has nginx read its certificate and open its logs anew; no connection is cut. */
  reload(): void
  /** Ends every process and removes what was made for this run only. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts the emulation and resolves when it serves.
 *
 * @throws LocalError where a tool is missing, a port is taken or a program does not start; ConfigError and
 *   UnsupportedConstructError where the stage cannot be run.
 */
export async function startEmulation(options: EmulationOptions = {}): Promise<Emulation> {
  const log = options.log ?? (() => {})
  const cleanUp = createCleanUp()
  try {
    const deployment = localDeployment(options)
    const ipv6 = hasIpv6Loopback()
    const held = await holdPort(options.port ?? (options.production === undefined ? 8080 : 443), ipv6)
    cleanUp.add(held.release)
    const { port } = held
    const url = publicUrl(options, port)
    if (options.production !== undefined) requireOwnHost(deployment, url)
    const [tools, tusd, packaged] = await Promise.all([
      setUpTools({ log }),
      findTusd(options.tusd),
      options.packaged ?? packageStage(stageParams(options), join(localDirectory, 'packages'), stageName(options)),
    ])
    const distribution = readDistribution(packaged.template)
    const content = prepareContent(options.content)
    const stateDirectory = resolve(options.stateDirectory ?? join(localDirectory, 'state'))
    const state = prepareState(stateDirectory, deployment.config.keys.algorithm, Math.floor(Date.now() / 1000))
    const run = runDirectory(port)
    // Unix socket paths have at most 107 bytes, and a project may lie deep.
    const socketDirectory = mkdtempSync(join(tmpdir(), 'edge-signer-'))
    cleanUp.add(() => rmSync(socketDirectory, { recursive: true, force: true }))

    const propagationDelay = options.propagationDelay ?? 0
    const backends: BackendPlan = {
      packaged,
      distribution,
      deployment,
      state,
      content,
      socketDirectory,
      app: appAddress(options.app),
      propagationDelay,
      log,
    }
    const sockets = planSockets(backends)
    const unknowns = { ...defaultUnknowns, ...options.unknowns }
    const servers = await startInProcess(backends, sockets, options.production === undefined)
    cleanUp.add(() => {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    })
    // A package from elsewhere brings an API of its own.
    const assetsPlan = { backends, sockets, origin: url, uploads: options.uploads, tusd: tusd.program }
    const own = options.packaged === undefined
    const starting = [
      cleanUp.stopLater(keepLambdaHosts(backends, sockets).then(together)),
      cleanUp.stopLater(own ? startAssets(assetsPlan) : undefined),
      cleanUp.stopLater(own ? undefined : startApiHosts(backends, sockets).then(together)),
    ] as const
    // Where one does not start, the others must be known before everything is stopped.
    await Promise.allSettled(starting)
    const [hosts, assets] = await Promise.all(starting)
    const building = tusd.canBuild && options.buildTusd === true && assets !== undefined
    if (building) cleanUp.add(buildTusdAside())
    const plan: NginxPlan = {
      distribution,
      unknowns,
      port,
      ipv6,
      tls: options.production ?? (options.tls === true ? await prepareCertificate(stateDirectory) : undefined),
      production: options.production,
      njsModule: tools.njsModule,
      asRoot: process.getuid?.() === 0,
      directories: {
        run,
        njs: join(run, 'njs'),
        content,
        pages: join(projectDirectory, 'infra/pages'),
        keyValueStore: state.keyValueStore,
      },
      sockets,
      assets: assets?.nginx,
    }
    await writeRunDirectory(plan, packaged.template, state.keyGroupGeneration)
    cleanUp.add(() => rmSync(run, { recursive: true, force: true }))
    const nginx = await startNginx(tools.nginx, run, held, log)
    cleanUp.add(() => nginx.stop())

    let stopping = false
    return {
      url,
      port,
      content,
      state,
      propagationDelay,
      description: [
        `edge     ${tools.nginxVersion}, ${distribution.behaviours.length} behaviours of ${distribution.logicalId}`,
        `files    ${content}`,
        ...(assets === undefined ? [] : [`uploads  ${tusd.description}, ${assets.location.area.root}`]),
        ...(building ? ['         tusd is being built for the next start'] : []),
        `state    ${stateDirectory}`,
        `mode     ${deployment.config.enforcement}, bootstrap ${deployment.config.bootstrap}`,
        ...(options.production === undefined
          ? [`sign in  ${url}/dev/login?sub=alice`]
          : [`stage    ${deployment.stage}`]),
      ],
      failed: nginx.ended.then((why) => (stopping ? new Promise<string>(() => {}) : `nginx ended (${why})`)),
      uploads: assets?.uploads,
      coldStart: async () => void (await Promise.all(hosts.all.map((host) => host.restart()))),
      reload: () => void process.kill(nginx.pid, 'SIGHUP'),
      stop: () => {
        stopping = true
        return cleanUp.run()
      },
    }
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}

/** The real path: nginx is told not to follow links below it. */
function prepareContent(content: string | undefined): string {
  const directory = resolve(content ?? join(localDirectory, 'content'))
  mkdirSync(directory, { recursive: true })
  return realpathSync(directory)
}
