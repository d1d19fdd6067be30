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
  const cors = corsConfig(config.allowedOrigins, true)
  const corp = customHeader('Cross-Origin-Resource-Policy', config.corp)
  // S3 leaves it out of a 416 (RFC 9110 section 14.3), and no function runs there.
  const ranges = customHeader('Accept-Ranges', 'bytes')
  return {
    Resources: {
      [ids.privateHeaders]: policy(deployment, 'private', {
        ...cors,
        CustomHeadersConfig: { Items: [corp, ranges, customHeader('Cache-Control', privateCacheControl)] },
        // It is not known whether an error page gets the headers of the path that failed. If it does, a sandbox would stop the
        // page's script. So errors get the page's own policy, and objects the sandbox from the headers function.
        SecurityHeadersConfig: securityHeaders(hasErrorPage(deployment) ? pagesCsp() : 'sandbox'),
      }),
      [ids.answersHeaders]: policy(deployment, 'answers', answersHeaders(deployment)),
      [ids.publicHeaders]: policy(deployment, 'public', {
        ...cors,
        CustomHeadersConfig: { Items: [corp, ranges] },
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

/**
 * For what functions answer. They write these headers themselves, and theirs stay; a 502 or 503 of CloudFront's own has only
 * these, without which a page of another origin sees a network error.
 */
function answersHeaders({ config }: Deployment): Record<string, unknown> {
  return {
    ...corsConfig(config.allowedOrigins, false),
    CustomHeadersConfig: { Items: [customHeader('Cross-Origin-Resource-Policy', config.corp, false)] },
  }
}

/** Whether CloudFront's 403 is replaced by our page. */
export function hasErrorPage({ config }: Deployment): boolean {
  return config.enforcement === 'key-group' && config.bootstrap === 'error-page'
}

/** With `override` false, any CORS header of the origin drops all of ours. */
function corsConfig(origins: readonly string[], override: boolean): Record<string, unknown> {
  if (origins.length === 0) return {}
  return {
    CorsConfig: {
      AccessControlAllowCredentials: true,
      AccessControlAllowHeaders: { Items: requestHeaders },
      AccessControlAllowMethods: { Items: ['GET', 'HEAD', 'OPTIONS'] },
      AccessControlAllowOrigins: { Items: origins },
      AccessControlExposeHeaders: { Items: exposedHeaders },
      AccessControlMaxAgeSec: preflightSeconds,
      OriginOverride: override,
    },
  }
}

function securityHeaders(csp: string): Record<string, unknown> {
  return {
    ContentTypeOptions: { Override: true },
    ContentSecurityPolicy: { ContentSecurityPolicy: csp, Override: true },
  }
}

function customHeader(name: string, value: string, override = true): Record<string, unknown> {
  return { Header: name, Value: value, Override: override }
}

function policy(deployment: Deployment, part: string, settings: Record<string, unknown>): Resource {
  return {
    Type: 'AWS::CloudFront::ResponseHeadersPolicy',
    Properties: { ResponseHeadersPolicyConfig: { Name: resourceName(deployment, part), ...settings } },
  }
}
