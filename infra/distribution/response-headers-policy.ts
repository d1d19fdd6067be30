import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Deployment } from '../../shared/config/parse.ts'
import { ConfigError } from '../../shared/errors.ts'
import { isOpenToAll } from '../../shared/http/message.ts'
import { pageMark, pageStyle } from '../../shared/http/page.ts'
import {
  activePolicy,
  contentPolicy,
  documentHeaders,
  frameAncestors,
  hstsSeconds,
  isolationHeaders,
  noStore,
  privateCacheControl,
  referrerPolicy,
  stageHeaders,
} from '../../shared/read/answer-headers.ts'
import { exposedHeaders, preflightMaxAge, requestHeaders } from '../../shared/read/cors.ts'
import { ids, resourceName } from '../names.ts'
import { type Fragment, type Resource, sub } from '../template.ts'

/**
 * Headers that CloudFront itself adds, also to errors, for which no function runs: a page under COEP could otherwise
 * not even read that it was refused. The values are those of the table in `shared/read/answer-headers.ts`.
 */
export function responseHeadersPolicyFragment(deployment: Deployment): Fragment {
  const { config } = deployment
  const cors = corsConfig(config.allowedOrigins, true)
  const common = customHeaders(documentHeaders(config))
  // S3 leaves it out of a 416 (RFC 9110 section 14.3), and no function runs there.
  const ranges = customHeader('Accept-Ranges', 'bytes')
  const privateCache = customHeader('Cache-Control', privateCacheControl(config.browserCache))
  return {
    Resources: {
      [ids.privateHeaders]: policy(deployment, 'private', {
        ...cors,
        CustomHeadersConfig: { Items: [...common, ranges, privateCache] },
        SecurityHeadersConfig: securityHeaders(deployment, privatePolicy(deployment)),
      }),
      [ids.answersHeaders]: policy(deployment, 'answers', answersHeaders(deployment)),
      [ids.publicHeaders]: policy(deployment, 'public', {
        ...cors,
        CustomHeadersConfig: { Items: [...common, ranges] },
        SecurityHeadersConfig: securityHeaders(deployment, activePolicy),
      }),
      ...(config.appIsolation === null
        ? {}
        : {
            [ids.appHeaders]: policy(deployment, 'app', {
              CustomHeadersConfig: { Items: customHeaders(isolationHeaders(config.appIsolation)) },
            }),
          }),
      ...(config.pages.files
        ? {
            [ids.filesPageHeaders]: policy(deployment, 'files-page', {
              CustomHeadersConfig: { Items: [...common, customHeader('Cache-Control', 'no-cache')] },
              SecurityHeadersConfig: securityHeaders(deployment, sub(filesPageCsp(bucketHost(deployment)))),
            }),
          }
        : {}),
      [ids.pagesHeaders]: policy(deployment, 'pages', {
        CustomHeadersConfig: { Items: [...common, customHeader('Cache-Control', noStore)] },
        SecurityHeadersConfig: securityHeaders(deployment, pagesCsp(config.allowedOrigins)),
      }),
    },
  }
}

/**
 * The `Content-Security-Policy` of private paths.
 *
 * Where the headers function runs, it writes that of objects by their type, and this one is left for errors: the strictest, or
 * that of the error page. It is not known whether an error page gets the headers of the path that failed; if it does, a sandbox
 * would stop the page's script. In `gate` mode no function can look at the type, so one policy has to serve every object.
 */
function privatePolicy(deployment: Deployment): string {
  if (deployment.config.enforcement === 'gate') return contentPolicy
  return hasErrorPage(deployment) ? pagesCsp(deployment.config.allowedOrigins) : activePolicy
}

/**
 * For what functions answer. They write these headers themselves, and theirs stay; a 502 or 503 of CloudFront's own has only
 * these, without which a page of another origin sees a network error.
 */
function answersHeaders({ config }: Deployment): Record<string, unknown> {
  return {
    ...corsConfig(config.allowedOrigins, false),
    CustomHeadersConfig: { Items: customHeaders(stageHeaders(config), false) },
    SecurityHeadersConfig: { ContentTypeOptions: { Override: true }, ...(config.attach ? {} : strictTransport) },
  }
}

/** Returns true if the 403 page replaces CloudFront's 403. */
export function hasErrorPage({ config }: Deployment): boolean {
  return config.enforcement === 'key-group' && config.bootstrap === 'error-page'
}

/**
 * The `Content-Security-Policy` of the Files page: its own script and style, files of this host as data, and the bucket for uploads.
 * The guard refuses every file of a user as a script or style sheet, so `'self'` covers the page's own two only.
 */
function filesPageCsp(bucket: string): string {
  const directives = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self'",
    "frame-src 'self'",
    `connect-src 'self' https://${bucket}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]
  return directives.join('; ')
}

/** Name of the host that presigned uploads go to, as `Fn::Sub` text. */
function bucketHost({ config }: Deployment): string {
  return config.bucket === null
    ? `\${${ids.bucket}.RegionalDomainName}`
    : `${config.bucket}.s3.${config.bucketRegion}.\${AWS::URLSuffix}`
}

/** With `override` false, any CORS header of the origin drops all of these. */
function corsConfig(origins: readonly string[], override: boolean): Record<string, unknown> {
  if (origins.length === 0) return {}
  return {
    CorsConfig: {
      AccessControlAllowCredentials: !isOpenToAll(origins),
      AccessControlAllowHeaders: { Items: requestHeaders },
      AccessControlAllowMethods: { Items: ['GET', 'HEAD', 'OPTIONS'] },
      AccessControlAllowOrigins: { Items: origins },
      AccessControlExposeHeaders: { Items: exposedHeaders },
      AccessControlMaxAgeSec: preflightMaxAge,
      OriginOverride: override,
    },
  }
}

function securityHeaders({ config }: Deployment, csp: unknown): Record<string, unknown> {
  return {
    ContentTypeOptions: { Override: true },
    ContentSecurityPolicy: { ContentSecurityPolicy: csp, Override: true },
    ReferrerPolicy: { ReferrerPolicy: referrerPolicy, Override: true },
    ...(config.attach ? {} : strictTransport),
  }
}

/** Not for an attached distribution: its host name also serves behaviours that are not in this stack. */
const strictTransport = {
  StrictTransportSecurity: {
    AccessControlMaxAgeSec: hstsSeconds,
    IncludeSubdomains: false,
    Preload: false,
    Override: true,
  },
}

function customHeaders(headers: ReturnType<typeof stageHeaders>, override = true): Record<string, unknown>[] {
  return headers.map(([name, value]) =>
    customHeader(
      name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
      value,
      override,
    ),
  )
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

/** The 403 page, with the style and the mark of all pages. */
export function errorPage(): string {
  return readFileSync(new URL('../pages/403.html', import.meta.url), 'utf8')
    .replace('<style></style>', () => `<style>${pageStyle}</style>`)
    .replace('<!-- mark -->', () => pageMark)
}

/**
 * The `Content-Security-Policy` of our own page, which is one file: it may run its one inline script and use its one inline
 * style, named by their hashes (CSP Level 3, section 8.3 "Usage of script hashes"), and ask its own host for access. A page that
 * frames files, of this host or of an allowed origin, may frame it too: a frame of the app would otherwise break with the refusal.
 *
 * It is safe on anything else as well: nobody else's script has that hash.
 *
 * @throws ConfigError where the page is not such a file.
 */
export function pagesCsp(allowedOrigins: readonly string[], html = errorPage()): string {
  // Browsers turn CR LF into LF before they hash, and would find another hash.
  if (html.includes('\r')) throw new ConfigError('infra/pages/403.html: lines must end in LF')
  // `'unsafe-hashes'` would be needed for these, and a file beside the page would have to be allowed by its address.
  if (/\son\w+\s*=|\sstyle\s*=|\ssrc\s*=|<link\b|<base\b/i.test(html)) {
    throw new ConfigError('infra/pages/403.html: must have no event attributes, style attributes or files of its own')
  }
  const directives = [
    "default-src 'none'",
    `script-src '${hashOf('script', html)}'`,
    `style-src '${hashOf('style', html)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    frameAncestors(allowedOrigins),
  ]
  return directives.join('; ')
}

/** The text between the tags, byte for byte. */
function hashOf(tag: 'script' | 'style', html: string): string {
  const found = [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))]
  const text = found[0]?.[1]
  if (found.length !== 1 || text === undefined || html.split(`<${tag}`).length !== 2) {
    throw new ConfigError(`infra/pages/403.html: must have exactly one <${tag}>, without attributes`)
  }
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`
}
