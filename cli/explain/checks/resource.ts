import { matchesResource } from '../../../shared/cloudfront/resource-match.ts'
import { encodeReserved, hasReserved } from '../../../shared/read/canonical-path.ts'
import { fault, pass, unknown } from '../../finding.ts'
import { showUrl } from '../../redact.ts'
import type { Check, CheckFinding } from '../check.ts'
import { reservedFault } from './guard.ts'

/** `Resource` covers the requested URL, query string included. */
export const resource: Check = {
  name: 'resource',
  by: 'CloudFront',
  run({ policy, coveredUrl, request }) {
    if (policy === undefined) return unknown('the policy cannot be read')
    if (coveredUrl === undefined) return unknown(`covers ${showUrl(policy.resource)}; the requested URL was not given`)
    if (matchesResource(policy.resource, coveredUrl)) return pass(`${showUrl(policy.resource)} covers the URL`)
    const address = encodeReserved(request?.path ?? '')
    const isPrefixRaw = matchesResource(
      policy.resource,
      coveredUrl.replace(request?.path ?? '', () => address),
    )
    // A Resource that is raw itself is the fault of its signer.
    if (isPrefixRaw && !hasReserved(pathOf(policy.resource))) return reservedFault(address)
    return describeMismatch(policy.resource, coveredUrl)
  },
}

function describeMismatch(pattern: string, url: string): CheckFinding {
  const differing = `the policy covers ${showUrl(pattern)}, the request is for ${showUrl(url)}; ${showDifference(pattern, url)}`
  if (/^(\/|[\w-]+(\.[\w-]+)+(:\d+)?\/)/.test(pattern)) {
    return fault(
      'resource-without-scheme',
      `Resource has no scheme${pattern.startsWith('/') ? ' and no host' : ''}: ${showUrl(pattern)}`,
      'Write the whole URL: https://cdn.example.com/users/alice/*.',
    )
  }
  const [patternParts, urlParts] = [splitUrl(pattern), splitUrl(url)]
  if (sameWhenDecoded(pattern, url)) {
    return fault(
      'resource-encoding',
      differing,
      'They are equal once decoded. Sign the URL percent-encoded as it is requested; use the prefixes that /_edge/session returns.',
    )
  }
  if (patternParts.scheme !== urlParts.scheme && matchesResource(pattern, url.replace(/^https:/, 'http:'))) {
    return fault('resource-scheme', differing, 'Sign for https://, the scheme that viewers request.')
  }
  if (!matchesResource(patternParts.host, urlParts.host)) {
    return fault(
      'resource-host',
      differing,
      'Sign for the host name that viewers request: an alias and the d….cloudfront.net name are two hosts. Set cdnHost.',
    )
  }
  if (url.includes('?') && matchesResource(pattern, url.slice(0, url.indexOf('?')))) {
    return fault(
      'resource-query',
      differing,
      'Without its query string the URL is covered. Sign it with the query string, or end Resource in *.',
    )
  }
  if (matchesResource(pattern.toLowerCase(), url.toLowerCase())) {
    return fault('resource-case', differing, 'Request the path in the case in which it was signed: case counts.')
  }
  if (!pattern.includes('*') && url.startsWith(pattern)) {
    return fault('resource-wildcard-missing', differing, 'End Resource in * to cover everything below.')
  }
  return fault(
    'resource-path',
    differing,
    'Request what the policy covers, or mint for this prefix. Paths are case-sensitive, and each character counts.',
  )
}

/** Characters shown before the first difference, and from it on: together not more than `shorten` shows of a value. */
const [shownBefore, shownFrom] = [4, 8]

/** Shows both sides around the first character that differs, up to the first `*`. A `?` matches any character, itself included. */
function showDifference(pattern: string, url: string): string {
  const star = pattern.indexOf('*')
  const end = Math.min(star < 0 ? pattern.length : star, url.length)
  let at = 0
  while (at < end && (pattern[at] === '?' || pattern[at] === url[at])) at += 1
  const side = (text: string) => (at < text.length ? `"${around(text, at)}"` : 'the end')
  return `they differ at character ${at + 1}: ${side(pattern)} against ${side(url)}`
}

/** Not shortened further, because two values may only differ in the middle. */
function around(text: string, at: number): string {
  const [from, to] = [Math.max(0, at - shownBefore), at + shownFrom]
  return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`
}

function splitUrl(url: string): { scheme: string; host: string } {
  const match = /^([^:/]*):\/\/([^/?]*)/.exec(url)
  return { scheme: match?.[1] ?? '', host: match?.[2] ?? '' }
}

/** The path of a pattern without its wildcards. */
function pathOf(pattern: string): string {
  return pattern.replace(/^[^:/]*:\/\/[^/?]*/, '').replace(/[*?].*$/s, '')
}

function sameWhenDecoded(pattern: string, url: string): boolean {
  try {
    const decoded = decodeURIComponent(pattern)
    return [url, url.replace(/\+/g, ' ')].some((form) => matchesResource(decoded, decodeURIComponent(form)))
  } catch {
    return false
  }
}
