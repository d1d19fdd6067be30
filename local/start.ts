import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { connectionLimits, type NginxAddition, type NginxPlan } from './cloudfront/plan.ts'
import { startVerifier, writeRunDirectory } from './cloudfront/start.ts'
import { devPaths, startDevPages } from './dev-pages.ts'
import { startLambdaEdge } from './lambda/start.ts'
import { openLogFile } from './nginx/error-log.ts'
import { endLeftovers, writeOwner } from './nginx/leftovers.ts'
import type { Listener } from './nginx/listener.ts'
import { startNginx } from './nginx/process.ts'
import { createPathLogger } from './nginx/text.ts'
import { runDirectory } from './paths.ts'
import { hasIpv6Loopback, holdPort, openFileLimit } from './process/ports.ts'
import { createCleanUp, together } from './process/shutdown.ts'
import { bucketAddition } from './s3/nginx.ts'
import { setUpTools } from './setup/tools.ts'
import type { Site } from './site.ts'
import { distributionId, prepareStage, type Stage } from './stage.ts'
import type { StateFiles } from './state/state-files.ts'

/** A site that serves. */
export interface RunningSite {
  /** `http://localhost:8080` */
  readonly url: string
  readonly port: number
  /** Root of the bucket. */
  readonly content: string
  readonly state: StateFiles
  /** Seconds until a change of the key group or the KeyValueStore takes effect. */
  readonly propagationDelay: number
  /** Lines for people about everything that runs. */
  readonly description: readonly string[]
  /** Resolves with the reason if nginx ends without being stopped. */
  readonly failed: Promise<string>
  /** Restarts the Lambda@Edge functions, which empties their caches as a deploy does. */
  coldStart(): Promise<void>
  /** Makes nginx read its certificate again and reopens the logs. No connection is closed. */
  reload(): void
  /** Ends every process and removes the files of this run. Safe to call twice. */
  stop(): Promise<void>
}

/** Servers that a site has beside the emulated products, such as an API and an upload server. */
export interface Extension {
  /** Paths followed by a token, which logs leave out. */
  readonly tokenPaths: readonly string[]
  start(base: ExtensionBase): Promise<StartedExtension>
}

/** The parts of a starting site that an extension depends on. */
export interface ExtensionBase {
  readonly stage: Stage
  readonly listener: Listener
  /** `http://localhost:8080` */
  readonly url: string
}

/** The running servers of an extension, and their part of nginx's configuration. */
export interface StartedExtension {
  readonly nginx: readonly NginxAddition[]
  /** Folder of the content types that were declared for objects, by object name; `undefined` if only file names decide. */
  readonly declaredTypes: string | undefined
  /** Lines for people. */
  readonly description: readonly string[]
  stop(): Promise<void>
}

/**
 * Starts a site, and resolves when it serves.
 *
 * @throws LocalError if a tool is missing, a port is taken or a program does not start; ConfigError or UnsupportedConstructError if
 *   the stage cannot be run.
 */
export async function startSite(site: Site, extension: Extension): Promise<RunningSite> {
  const { tokenPaths } = extension
  const cleanUp = createCleanUp()
  try {
    // Hold the port first: the other steps take long, and are useless if it is taken.
    const ipv6 = hasIpv6Loopback()
    if (site.port !== 0) await endLeftovers(runDirectory(site.port, site.work))
    const held = await holdPort(site.port, ipv6)
    cleanUp.add(held.release)
    const { port } = held
    const url = site.url(port)

    // Find or install nginx, and package the stage.
    const [tools, packaged] = await Promise.all([setUpTools({ log: site.log }), site.package()])

    // Read the template, and create folders, keys and the certificate.
    const stage = prepareStage(site, packaged)
    cleanUp.add(() => rmSync(stage.socketDirectory, { recursive: true, force: true }))
    const listener = await site.listener({ port, ipv6, tokenPaths })

    // Start the servers that run in this process.
    cleanUp.addServer(await startVerifier(stage.state, stage.sockets.verifier))
    if (site.hasDevPages) cleanUp.addServer(await startDevPages(stage))

    // Start the others. If one fails, wait for all of them, so that the clean-up stops each.
    const starting = [
      cleanUp.addStarting(startLambdaEdge(stage).then(together)),
      cleanUp.addStarting(extension.start({ stage, listener, url })),
    ] as const
    await Promise.allSettled(starting)
    const [lambdas, extended] = await Promise.all(starting)

    // Write nginx's configuration.
    const run = runDirectory(port, site.work)
    cleanUp.add(() => rmSync(run, { recursive: true, force: true }))
    const plan: NginxPlan = {
      distribution: stage.distribution,
      unknowns: site.unknowns,
      listener,
      njsModule: tools.njsModule,
      connections: connectionLimits(openFileLimit()),
      asRoot: process.getuid?.() === 0,
      directories: { run, njs: join(run, 'njs'), keyValueStore: stage.state.keyValueStore },
      sockets: stage.sockets,
      additions: [
        bucketAddition({
          distribution: stage.distribution,
          content: stage.content,
          pages: join(packaged.directory, 'dist/pages'),
          socket: stage.sockets.bucket,
          declaredTypes: extended.declaredTypes,
        }),
        ...extended.nginx,
      ],
    }
    await writeRunDirectory(plan, packaged.template, {
      distributionId,
      keyGroupGenerationFile: stage.state.keyGroupGeneration,
      ownPaths: site.hasDevPages ? Object.values(devPaths) : [],
    })
    writeOwner(run, stage.socketDirectory)

    // Start nginx, which takes over the port.
    const errorLog = openLogFile(join(site.logs ?? join(run, 'logs'), 'error.log'))
    cleanUp.add(() => errorLog.close())
    const nginx = await startNginx(tools.nginx, run, held, {
      logError: (line) => errorLog.write(line),
      loggedPath: createPathLogger(tokenPaths),
    })
    cleanUp.add(() => nginx.stop())

    let isStopping = false
    return {
      url,
      port,
      content: stage.content,
      state: stage.state,
      propagationDelay: stage.propagationDelay,
      description: [
        `edge     ${tools.nginxVersion}, ${stage.distribution.behaviours.length} behaviours of ${stage.distribution.logicalId}`,
        `files    ${stage.content}`,
        ...extended.description,
        `state    ${site.stateDirectory}`,
        `mode     ${stage.deployment.config.enforcement}, bootstrap ${stage.deployment.config.bootstrap}`,
        site.summary(url),
      ],
      failed: nginx.ended.then((why) => (isStopping ? new Promise<string>(() => {}) : `nginx ended (${why})`)),
      coldStart: async () => void (await Promise.all(lambdas.all.map((host) => host.restart()))),
      reload() {
        errorLog.reopen()
        process.kill(nginx.pid, 'SIGHUP')
      },
      stop() {
        isStopping = true
        return cleanUp.run()
      },
    }
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}
