import { once } from 'node:events'
import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Deployment } from '../shared/config/parse.ts'
import { keysSecretId } from '../shared/keys/secret-store.ts'
import type { LocalAws } from './aws/network.ts'
import { type RunningProcess, startModule } from './child-process.ts'
import { createDevLogin } from './hosts/dev-login.ts'
import type { HttpApiProcess } from './hosts/http-api-process.ts'
import { createOwnPages } from './hosts/own-pages.ts'
import { createSignatureVerifier } from './hosts/signature-verifier.ts'
import { UnsupportedConstructError } from './local-error.ts'
import type { Sockets } from './nginx/plan.ts'
import type { PackagedStage } from './package-stage.ts'
import { projectDirectory } from './paths.ts'
import { appOrigin } from './stage.ts'
import { readKeyDocument, type StateFiles } from './state.ts'
import { httpApi, lambdaBundle, lambdaEnvironment } from './template/functions.ts'
import { pseudoParameters } from './template/intrinsics.ts'
import type { Distribution } from './template/model.ts'

/** What the servers behind nginx are made from. */
export interface BackendPlan {
  readonly packaged: PackagedStage
  readonly distribution: Distribution
  readonly deployment: Deployment
  readonly state: StateFiles
  readonly content: string
  /** Folder for unix sockets, with a short path. */
  readonly socketDirectory: string
  /** `host:port` of the app. */
  readonly app: string | undefined
  /** Seconds until a change of the KeyValueStore is seen. */
  readonly propagationDelay: number
  readonly log: (line: string) => void
}

/** The id of the one distribution. */
export const distributionId = 'EDFDVBD6EXAMPLE'

/** Where each server behind nginx will listen. */
export function planSockets(plan: BackendPlan): Sockets {
  const socket = (name: string) => join(plan.socketDirectory, `${name}.sock`)
  const lambdas = new Set(
    plan.distribution.behaviours.flatMap(({ viewerRequest }) =>
      viewerRequest?.kind === 'lambda-edge' ? [viewerRequest.logicalId] : [],
    ),
  )
  const origins = plan.distribution.origins.flatMap((origin, index): Array<[string, string]> => {
    if (origin.kind === 'bucket') return []
    if (origin.kind === 'http-api') return [[origin.id, `unix:${socket(`o${index}`)}`]]
    if (origin.domainName === appOrigin && plan.app !== undefined) return [[origin.id, plan.app]]
    throw new UnsupportedConstructError(
      `Origin ${origin.id}`,
      `${origin.domainName} is not on this machine; name the app that runs here with --app`,
    )
  })
  return {
    bucket: socket('bucket'),
    verifier: socket('verifier'),
    own: socket('own'),
    lambdas: Object.fromEntries([...lambdas].map((id, index) => [id, socket(`l${index}`)])),
    origins: Object.fromEntries(origins),
  }
}

/** The servers that run in this process: the signature verifier and, but for production, the emulation's own pages. */
export async function startInProcess(plan: BackendPlan, sockets: Sockets, ownPages = true): Promise<Server[]> {
  const verifier = await listen(createSignatureVerifier(plan.state), sockets.verifier)
  if (!ownPages) return [verifier]
  const { session, enforcement } = plan.deployment.config
  const login = createDevLogin({
    cookieName: session.cookieName,
    issuer: session.issuer,
    audience: session.audience,
    sessionSecret: () => readKeyDocument(plan.state).sessionSecret ?? '',
    now: () => Math.floor(Date.now() / 1000),
  })
  return [verifier, await listen(createOwnPages(login, { process: process.pid, enforcement }), sockets.own)]
}

/** What stands behind the host names of AWS. */
export function localAws({ deployment: { service, stage, config }, state, content }: BackendPlan): LocalAws {
  return {
    secretId: keysSecretId(service, stage),
    secretFile: state.secret,
    bucket: config.bucket ?? `${service}-${stage}-${pseudoParameters['AWS::AccountId']}`,
    bucketRegion: config.bucketRegion,
    content,
    jwksUrl: config.session.jwksUrl,
  }
}

/** The host process of each HTTP API that the distribution has as an origin. */
export function startApiHosts(plan: BackendPlan, sockets: Sockets): Promise<RunningProcess[]> {
  return Promise.all(
    plan.distribution.origins.flatMap((origin) => {
      if (origin.kind !== 'http-api') return []
      const { template, directory } = plan.packaged
      const api = httpApi(template, origin.apiId)
      const bundle = lambdaBundle(template, api.functionId, directory)
      const settings: HttpApiProcess = {
        bundle: bundle.file,
        exportName: bundle.exportName,
        socket: (sockets.origins[origin.id] ?? '').replace(/^unix:/, ''),
        apiId: origin.apiId,
        routes: api.routes,
        environment: lambdaEnvironment(template, api.functionId),
        aws: localAws(plan),
        awsSocket: join(plan.socketDirectory, `aws-${origin.id}.sock`),
        revocations: { content: plan.content, state: plan.state, propagationDelay: plan.propagationDelay },
      }
      return [startModule(join(projectDirectory, 'local/hosts/http-api-process.ts'), settings, plan.log)]
    }),
  )
}

async function listen(server: Server, socket: string): Promise<Server> {
  server.listen(socket)
  await once(server, 'listening')
  return server
}
