import type { Deployment } from '../../shared/config/parse.ts'
import { templateBehaviour } from '../../shared/grant/template.ts'
import { filesPagePath } from '../../shared/read/check-read.ts'
import { ids } from '../names.ts'
import { keyGroupId } from '../signing-keys.ts'
import { getAtt, ref } from '../template.ts'
import { cachingDisabled, objectsCachePolicy, origins } from './origins.ts'

/** A cache behaviour of the distribution, in CloudFormation's words. */
export type CacheBehavior = Readonly<Record<string, unknown>>

const allMethods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE']
const readMethods = ['GET', 'HEAD', 'OPTIONS']
/** Settings of behaviours that an Edge Signer function answers. */
const answered = { ResponseHeadersPolicyId: ref(ids.answersHeaders) }

/** The ordered behaviours. CloudFront takes the first match, so ours stand before the private ones. */
export function cacheBehaviors(deployment: Deployment): readonly CacheBehavior[] {
  return [
    sessionBehavior('/_edge/session'),
    // Not `/_edge/session*`: that would also catch names that are not ours.
    sessionBehavior('/_edge/session/*'),
    pagesBehavior(),
    ...(deployment.config.pages.files ? [filesPageBehavior()] : []),
    apiBehavior(),
    publicBehavior(),
    ...privatePathPatterns(deployment).map((pattern) => privateBehavior(deployment, pattern)),
  ]
}

/**
 * Everything that is not ours: the app, or a 404 made at the edge. Never the bucket: CloudFront may list it, so `/` would
 * show every user's keys.
 */
export function defaultBehavior(deployment: Deployment): CacheBehavior {
  const { appOrigin, appIsolation } = deployment.config
  if (appOrigin === null) {
    return {
      ...forwarded(origins.api, 'redirect-to-https'),
      ...answered,
      FunctionAssociations: [onViewerRequest(ids.notFound)],
    }
  }
  return {
    ...forwarded(origins.app, 'redirect-to-https'),
    // Who may read the app's answers is for the app to say.
    ...(appIsolation === null ? {} : { ResponseHeadersPolicyId: ref(ids.appHeaders) }),
  }
}

function sessionBehavior(pathPattern: string): CacheBehavior {
  return {
    PathPattern: pathPattern,
    // The function answers every request itself; a distribution requires an origin nevertheless.
    ...forwarded(origins.api, 'https-only'),
    ...answered,
    LambdaFunctionAssociations: [sessionOnViewerRequest()],
  }
}

function apiBehavior(): CacheBehavior {
  return { PathPattern: '/api/*', ...forwarded(origins.api, 'https-only'), ...answered }
}

function pagesBehavior(): CacheBehavior {
  return {
    PathPattern: pagesPattern,
    ...fromBucket(ids.pagesHeaders),
    // No headers function here: its sandbox would stop the page's own script.
    FunctionAssociations: [onViewerRequest(ids.guard)],
  }
}

/** Never cached at the edge: a page of the last deploy would meet an API of this one. */
function filesPageBehavior(): CacheBehavior {
  return {
    PathPattern: filesPagePattern,
    ...fromBucket(ids.filesPageHeaders),
    CachePolicyId: cachingDisabled,
    FunctionAssociations: [onViewerRequest(ids.guard)],
  }
}

function publicBehavior(): CacheBehavior {
  return { PathPattern: publicPattern, ...fromBucket(ids.publicHeaders), FunctionAssociations: guardAndHeaders() }
}

/**
 * Files of users. In `gate` mode the session function stands in for CloudFront's own check, and no CloudFront Function may
 * join it: the two kinds cannot be mixed on one behaviour's viewer events.
 */
function privateBehavior(deployment: Deployment, pathPattern: string): CacheBehavior {
  const read = { PathPattern: pathPattern, ...fromBucket(ids.privateHeaders) }
  return deployment.config.enforcement === 'gate'
    ? { ...read, LambdaFunctionAssociations: [sessionOnViewerRequest()] }
    : { ...read, TrustedKeyGroups: [keyGroupId()], FunctionAssociations: guardAndHeaders() }
}

function fromBucket(responseHeadersPolicy: string): CacheBehavior {
  return {
    TargetOriginId: origins.bucket,
    ViewerProtocolPolicy: 'redirect-to-https',
    AllowedMethods: readMethods,
    CachedMethods: ['GET', 'HEAD'],
    // Compressed objects have no byte ranges that mean anything to a reader of a disk image.
    Compress: false,
    CachePolicyId: objectsCachePolicy,
    ResponseHeadersPolicyId: ref(responseHeadersPolicy),
  }
}

/** `https-only` where a redirect would already have carried a session or a body in clear text. */
function forwarded(originId: string, protocol: 'https-only' | 'redirect-to-https'): CacheBehavior {
  return {
    TargetOriginId: originId,
    ViewerProtocolPolicy: protocol,
    AllowedMethods: allMethods,
    Compress: originId === origins.app,
    CachePolicyId: cachingDisabled,
    OriginRequestPolicyId: allViewerExceptHostHeader,
  }
}

function guardAndHeaders(): readonly Record<string, unknown>[] {
  return [
    onViewerRequest(ids.guard),
    { EventType: 'viewer-response', FunctionARN: getAtt(ids.headers, 'FunctionMetadata.FunctionARN') },
  ]
}

function onViewerRequest(functionId: string): Record<string, unknown> {
  return { EventType: 'viewer-request', FunctionARN: getAtt(functionId, 'FunctionMetadata.FunctionARN') }
}

function sessionOnViewerRequest(): Record<string, unknown> {
  return { EventType: 'viewer-request', LambdaFunctionARN: ref(ids.sessionVersion), IncludeBody: false }
}

/**
 * AWS's own policy AllViewerExceptHostHeader: the API and the app get the viewer's query, cookies and headers, but their own
 * host name. The bucket gets none of these: its behaviours name no origin request policy.
 */
export const allViewerExceptHostHeader = 'b689b0a8-53d0-40ab-baf2-68738e2966ac'

/** Pages of Edge Signer in the bucket, open to everybody. */
const pagesPattern = '/_edge/pages/*'
/** The Files page with its script and style, open to everybody: the files that it shows are not. */
export const filesPagePattern = `${filesPagePath}*`
/** Files that anybody may read. */
const publicPattern = '/public/*'
/** The page that takes CloudFront's place when a request has no valid cookies. */
export const errorPagePath = '/_edge/pages/403.html'

/** The `PathPattern`s whose objects need cookies: one for each distinct grant template, the more specific first. */
export function privatePathPatterns(deployment: Deployment): readonly string[] {
  const patterns = deployment.config.grants.map(templateBehaviour)
  return [...new Set(patterns)].sort((a, b) => b.split('/').length - a.split('/').length)
}

/** Every `PathPattern` that may reach the bucket. */
export function bucketPathPatterns(deployment: Deployment): readonly string[] {
  const filesPage = deployment.config.pages.files ? [filesPagePattern] : []
  return [pagesPattern, ...filesPage, publicPattern, ...privatePathPatterns(deployment)]
}
