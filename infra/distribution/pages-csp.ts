import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfigError } from '../../shared/errors.ts'

/**
 * The `Content-Security-Policy` of our own page, which is one file: it may run its one inline script and use its one inline
 * style, named by their hashes, and load, frame or send nothing (CSP Level 3, section 8.3 "Usage of script hashes").
 *
 * It is safe on anything else as well: nobody else's script has that hash.
 *
 * @throws ConfigError where the page is not such a file.
 */
export function pagesCsp(html = readFileSync(new URL('../pages/403.html', import.meta.url), 'utf8')): string {
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
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
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
