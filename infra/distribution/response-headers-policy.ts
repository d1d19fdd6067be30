import { headersFunctionConfig } from '../../functions/headers/config.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { ids, resourceName } from '../names.ts'
import type { Fragment, Resource } from '../template.ts'
import { pagesCsp } from './pages-csp.ts'

/** What a page may read of a response from another origin: all that a Range reader needs. */
export const exposedHeaders = [
  'Accept-Ranges',
  'Content-Range',
  'Content-Length',
  'Content-Encoding',
  'ETag',
  'Last-Modified',
] as const

/** What a page may send beyond a plain request. */
const requestHeaders = [
  'Range',
  'If-Range',
  'If-None-Match',
  'If-Modified-Since',
  'Authorization',
  'Content-Type',
] as const

/** Seconds that a browser may keep the answer to a preflight. */
const preflightSeconds = 86_400

/**
 * Headers that CloudFront itself adds, also to errors, where no function of ours runs: a page under COEP could otherwise
 * not even read that it was refused.
 */
export function responseHeadersPolicyFragment(deployment: Deployment): Fragment {
  const { config } = deployment
  // The headers function writes the same value on what it sees; in `gate` mode and on errors only this one is there.
  const { privateCacheControl } = headersFunctionConfig(deployment)
  const cors = corsConfig(config.allowedOrigins)
  const corp = customHeader('Cross-Origin-Resource-Policy', config.corp)
  return {
    Resources: {
      [ids.privateHeaders]: policy(deployment, 'private', {
        ...cors,
        CustomHeadersConfig: { Items: [corp, customHeader('Cache-Control', privateCacheControl)] },
        // It is not known whether an error page gets the headers of the path that failed. If it does, a sandbox would stop the
        // page's script. So errors get the page's own policy, and objects the sandbox from the headers function.
        SecurityHeadersConfig: securityHeaders(hasErrorPage(deployment) ? pagesCsp() : 'sandbox'),
      }),
      [ids.publicHeaders]: policy(deployment, 'public', {
        ...cors,
        CustomHeadersConfig: { Items: [corp] },
        SecurityHeadersConfig: securityHeaders('sandbox'),
      }),
      [ids.pagesHeaders]: policy(deployment, 'pages', {
        CustomHeadersConfig: { Items: [corp, customHeader('Cache-Control', 'no-store')] },
        SecurityHeadersConfig: {
          ...securityHeaders(pagesCsp()),
          ReferrerPolicy: { ReferrerPolicy: 'no-referrer', Override: true },
        },
      }),
    },
  }
}

/** Whether CloudFront's 403 is replaced by our page. */
export function hasErrorPage({ config }: Deployment): boolean {
  return config.enforcement === 'key-group' && config.bootstrap === 'error-page'
}

/** `OriginOverride: true`: with `false`, any CORS header of the origin would drop all of ours. */
function corsConfig(origins: readonly string[]): Record<string, unknown> {
  if (origins.length === 0) return {}
  return {
    CorsConfig: {
      AccessControlAllowCredentials: true,
      AccessControlAllowHeaders: { Items: requestHeaders },
      AccessControlAllowMethods: { Items: ['GET', 'HEAD', 'OPTIONS'] },
      AccessControlAllowOrigins: { Items: origins },
      AccessControlExposeHeaders: { Items: exposedHeaders },
      AccessControlMaxAgeSec: preflightSeconds,
      OriginOverride: true,
    },
  }
}

function securityHeaders(csp: string): Record<string, unknown> {
  return {
    ContentTypeOptions: { Override: true },
    ContentSecurityPolicy: { ContentSecurityPolicy: csp, Override: true },
  }
}

function customHeader(name: string, value: string): Record<string, unknown> {
  return { Header: name, Value: value, Override: true }
}

function policy(deployment: Deployment, part: string, settings: Record<string, unknown>): Resource {
  return {
    Type: 'AWS::CloudFront::ResponseHeadersPolicy',
    Properties: { ResponseHeadersPolicyConfig: { Name: resourceName(deployment, part), ...settings } },
  }
}
