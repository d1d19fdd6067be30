import { changeableHeadersOf } from '../nginx/forwarded-headers.ts'
import { isPlainBehaviour } from '../nginx/plain-requests.ts'
import type { Distribution } from '../template/model.ts'
import type { EdgeConfig } from './edge-config.ts'

/** The part of the distribution that njs decides with. */
export function edgeConfig(
  distribution: Distribution,
  rest: Omit<EdgeConfig, 'behaviours' | 'errorPages'>,
): EdgeConfig {
  return {
    ...rest,
    errorPages: distribution.errorPages.map(({ errorCode }) => errorCode),
    behaviours: distribution.behaviours.map((behaviour) => ({
      pathPattern: rooted(behaviour.pathPattern),
      pathPrefix: prefixOf(rooted(behaviour.pathPattern)),
      allowedMethods: behaviour.allowedMethods,
      signed: behaviour.signed,
      plain: isPlainBehaviour(behaviour),
      viewerRequest: functionId(behaviour.viewerRequest),
      viewerResponse: functionId(behaviour.viewerResponse),
      lambda: behaviour.viewerRequest?.kind === 'lambda-edge',
      querystrings: behaviour.forward.querystrings,
      changeableHeaders: changeableHeadersOf(behaviour),
      originPath: behaviour.origin.path,
      bucket: behaviour.origin.kind === 'bucket',
      responseHeaders: behaviour.responseHeaders ?? null,
    })),
  }
}

function functionId(association: Distribution['behaviours'][number]['viewerRequest']): string | null {
  return association?.kind === 'cloudfront-function' ? association.logicalId : null
}

/** CloudFront takes `images/*` and `/images/*` for the same pattern, and `*` for every path. */
function rooted(pattern: string): string {
  return pattern.startsWith('/') ? pattern : `/${pattern}`
}

function prefixOf(pattern: string): string | null {
  return /^[^*?]*\*$/.test(pattern) ? pattern.slice(0, -1) : null
}
