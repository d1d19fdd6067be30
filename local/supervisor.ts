import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type AssetsStage, startAssets } from './assets/assets-stage.ts'
import {
  type BackendPlan,
  distributionId,
  planSockets,
  startApiHosts,
  startInProcess,
  startLambdaHosts,
} from './backends.ts'
import { prepareCertificate } from './certificate.ts'
import type { RunningProcess } from './child-process.ts'
import type { LocalStage } from './control.ts'
import { writeEdgeModules } from './edge/build.ts'
import { defaultUnknowns } from './edge/edge-config.ts'
import { edgeConfig } from './edge/plan.ts'
import { devLoginPath } from './hosts/dev-login.ts'
import { overviewPath } from './hosts/own-pages.ts'
import { LocalError } from './local-error.ts'
import { nginxConfig } from './nginx/config.ts'
import type { NginxPlan } from './nginx/plan.ts'
import { startNginx } from './nginx/process.ts'
import type { EmulationOptions } from './options.ts'
import { packageStage } from './package-stage.ts'
import { localDirectory, projectDirectory } from './paths.ts'
import { hasIpv6Loopback, holdPort } from './ports.ts'
import { setUpTools } from './setup/tools.ts'
import { buildTusdAside, findTusd } from './setup/tusd.ts'
import { localDeployment, stageName, stageParams } from './stage.ts'
import { prepareState } from './state.ts'
import { readDistribution } from './template/distribution.ts'
import { cloudFrontFunctionCode } from './template/functions.ts'

/** A running emulation. It is a `LocalStage`, so the functions of `control.ts` take it. */
export interface Emulation extends LocalStage {
  readonly port: number
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
  const undo: Array<() => Promise<void> | void> = []
  const stop = once(async () => {
    for (const step of undo.reverse()) await step()
  })
  try {
    const deployment = localDeployment(options)
    const ipv6 = hasIpv6Loopback()
    const held = await holdPort(options.port ?? (options.production === undefined ? 8080 : 443), ipv6)
    undo.push(held.release)
    const { port } = held
    const [tools, tusd, packaged] = await Promise.all([
      setUpTools({ log }),
      findTusd(options.tusd),
      options.packaged ?? packageStage(stageParams(options), join(localDirectory, 'packages'), stageName(options)),
    ])
    const distribution = readDistribution(packaged.template)
    const content = prepareContent(options.content)
    const stateDirectory = resolve(options.stateDirectory ?? join(localDirectory, 'state'))
    const state = prepareState(stateDirectory, deployment.config.keys.algorithm, Math.floor(Date.now() / 1000))
    const run = join(localDirectory, 'run', String(port))
    // Unix socket paths have at most 107 bytes, and a project may lie deep.
    const socketDirectory = mkdtempSync(join(tmpdir(), 'edge-signer-'))
    undo.push(() => rmSync(socketDirectory, { recursive: true, force: true }))

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
    const url = publicUrl(options, port)
    const servers = await startInProcess(backends, sockets, options.production === undefined)
    undo.push(() => {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    })
    // A package from elsewhere brings an API of its own.
    const assetsPlan = { backends, sockets, origin: url, uploads: options.uploads, tusd: tusd.program }
    const own = options.packaged === undefined
    const starting = [
      keep(undo, keepLambdaHosts(backends, sockets)),
      keep(undo, own ? startAssets(assetsPlan) : undefined),
      keep(undo, own ? undefined : startApiHosts(backends, sockets).then(stopTogether)),
    ] as const
    // Where one does not start, the others must be known before everything is stopped.
    await Promise.allSettled(starting)
    const [hosts, assets] = await Promise.all(starting)
    const building = tusd.canBuild && options.buildTusd === true && assets !== undefined
    if (building) undo.push(buildTusdAside())
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
    undo.push(() => rmSync(run, { recursive: true, force: true }))
    const nginx = await startNginx(tools.nginx, run, held, log)
    undo.push(() => nginx.stop())

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
      coldStart: () => hosts.restart(),
      reload: () => void process.kill(nginx.pid, 'SIGHUP'),
      stop: () => {
        stopping = true
        return stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What clients put before every path. */
function publicUrl({ production, tls }: EmulationOptions, port: number): string {
  if (production !== undefined) return `https://${production.host}${port === 443 ? '' : `:${port}`}`
  return `${tls === true ? 'https' : 'http'}://localhost:${port}`
}

/** Remembers to stop what has started. */
async function keep<T extends { stop(): Promise<void> } | undefined>(
  undo: Array<() => Promise<void> | void>,
  starting: Promise<T> | T,
): Promise<T> {
  const started = await starting
  if (started !== undefined) undo.push(() => started.stop())
  return started
}

function stopTogether(processes: readonly RunningProcess[]) {
  return { stop: async () => void (await Promise.all(processes.map((one) => one.stop()))) }
}

/** The Lambda@Edge hosts, started again where one ends by itself: a crash fails the requests in flight, not the system. */
async function keepLambdaHosts(backends: BackendPlan, sockets: NginxPlan['sockets']) {
  let generation = 0
  let running: RunningProcess[] = []
  const start = async () => {
    const own = ++generation
    for (const socket of Object.values(sockets.lambdas)) rmSync(socket, { force: true })
    running = await startLambdaHosts(backends, sockets)
    for (const host of running) {
      void host.ended.then((why) => {
        if (own !== generation) return
        backends.log(`A Lambda@Edge host ended (${why}); it is started again.`)
        void restart().catch((error: unknown) => backends.log(String(error)))
      })
    }
  }
  const stop = async () => {
    generation++
    await Promise.all(running.map((host) => host.stop()))
  }
  const restart = async () => {
    await stop()
    await start()
  }
  await start()
  return { stop, restart }
}

async function writeRunDirectory(
  plan: NginxPlan,
  template: Parameters<typeof cloudFrontFunctionCode>[0],
  generationFile: string,
) {
  const { run, njs, keyValueStore } = plan.directories
  rmSync(run, { recursive: true, force: true })
  for (const folder of ['logs', 'temp']) mkdirSync(join(run, folder), { recursive: true })
  const config = edgeConfig(plan.distribution, {
    distributionId,
    keyGroupGenerationFile: generationFile,
    // Whoever could reach the sign-in could be anybody.
    ownPaths: plan.production === undefined ? [devLoginPath, overviewPath] : [],
    unknowns: plan.unknowns,
  })
  await writeEdgeModules(njs, config, cloudFrontFunctionCode(template))
  writeFileSync(join(njs, 'key-value-store.json'), JSON.stringify({ directory: keyValueStore }))
  // It holds the secret of download links.
  writeFileSync(join(run, 'nginx.conf'), nginxConfig(plan), { mode: 0o600 })
}

/** The real path: nginx is told not to follow links below it. */
function prepareContent(content: string | undefined): string {
  const directory = resolve(content ?? join(localDirectory, 'content'))
  mkdirSync(directory, { recursive: true })
  return realpathSync(directory)
}

/** `host:port` of `http://host:port`. */
function appAddress(app: string | undefined): string | undefined {
  if (app === undefined) return undefined
  const url = URL.canParse(app) ? new URL(app) : undefined
  if (url?.protocol !== 'http:' || url.pathname !== '/') {
    throw new LocalError('--app must be an address such as http://127.0.0.1:5173')
  }
  return `${url.hostname}:${url.port === '' ? '80' : url.port}`
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= work()
    return result
  }
}
