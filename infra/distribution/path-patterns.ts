import type { Deployment } from '../../shared/config/parse.ts'
import { templateBehaviour } from '../../shared/grant/template.ts'

/** Pages of Edge Signer in the bucket, open to everybody. */
export const pagesPattern = '/_edge/pages/*'
/** Files that anybody may read. */
export const publicPattern = '/public/*'
/** The page that takes CloudFront's place when a request has no valid cookies. */
export const errorPagePath = '/_edge/pages/403.html'

/** The `PathPattern`s whose objects need cookies: one for each distinct grant template, the more specific first. */
export function privatePathPatterns(deployment: Deployment): readonly string[] {
  const patterns = deployment.config.grants.map(templateBehaviour)
  return [...new Set(patterns)].sort((a, b) => b.split('/').length - a.split('/').length)
}

/** Every `PathPattern` that may reach the bucket. */
export function bucketPathPatterns(deployment: Deployment): readonly string[] {
  return [pagesPattern, publicPattern, ...privatePathPatterns(deployment)]
}
