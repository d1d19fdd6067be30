import { isIP } from 'node:net'
import { parseIpv4 } from '../../shared/cloudfront/ipv4.ts'
import { enclosingPrefixes } from '../../shared/revocation/key-value.ts'
import { parseRevocationState } from '../../shared/revocation/state.ts'
import { parseCookieHeader } from '../input/cookie-header.ts'
import { type HttpAnswer, parseHttpAnswer } from '../input/http-answer.ts'
import { readKeys } from '../input/keys.ts'
import { type LocalStage, readLocalStage } from '../input/local-stage.ts'
import { parseNetscapeJar, type StoredCookie } from '../input/netscape-jar.ts'
import { readPrivatePaths } from '../input/private-paths.ts'
import { readText } from '../input/read-text.ts'
import { parseRequestUrl, type RequestUrl } from '../input/request-url.ts'
import { parseSetCookieLines } from '../input/set-cookie.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { deepestPrefix } from './checks/revocation.ts'
import type { ExplainOptions } from './inputs.ts'
import type { Evidence, RevocationLookup } from './subject.ts'

/**
 * Reads what the options name: files, keys, the state of the local stage.
 *
 * @throws UsageError; ServiceError `ERR_KEYS_INVALID`; ConfigError.
 */
export async function readEvidence(
  options: ExplainOptions,
  answer: HttpAnswer | undefined,
  now: number,
  terminal: Terminal,
): Promise<Evidence> {
  const request = options.url === undefined ? undefined : parseRequestUrl(options.url)
  const keys = options.keys === undefined ? undefined : await readKeys(options.keys, terminal)
  const local = options.local || options.state !== undefined ? await readLocalStage(options.state) : undefined
  const state =
    options.revocations && parseRevocationState(await readText(options.revocations, '--revocations', terminal))
  if (options.ip !== undefined && isIP(options.ip) === 0) throw new UsageError('--ip must be an IPv4 or IPv6 address')
  return {
    request,
    privatePaths: readPrivatePaths(),
    cookieHeader: options.cookie === undefined ? undefined : await readCookieHeader(options.cookie, terminal),
    stored: await readStored(options, now, terminal),
    page: options.page === undefined ? undefined : parseRequestUrl(options.page),
    navigation: options.navigation ?? false,
    now,
    clientIp: options.ip === undefined ? undefined : mappedIpv4(options.ip),
    publicKeys: keys?.publicKeys ?? local?.publicKeys,
    stampKey: keys?.document?.stampKey ?? local?.document.stampKey,
    revocations: state ? stateLookup(state) : local && request && (await localLookup(local, request)),
    answer,
  }
}

/** `::ffff:192.0.2.7` is how a dual-stack socket writes an IPv4 viewer. */
function mappedIpv4(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && parseIpv4(mapped) !== undefined ? mapped : address
}

async function readCookieHeader(value: string, terminal: Terminal): Promise<string> {
  const text = value.startsWith('@') ? await readText(value.slice(1), '--cookie', terminal) : value
  return parseCookieHeader(text)
}

async function readStored(
  options: ExplainOptions,
  now: number,
  terminal: Terminal,
): Promise<StoredCookie[] | undefined> {
  if (options.jar !== undefined) {
    if (options.setCookie !== undefined) throw new UsageError('--jar and --set-cookie exclude each other')
    return parseNetscapeJar(await readText(options.jar, '--jar', terminal))
  }
  if (options.setCookie === undefined) return undefined
  const answer = parseHttpAnswer(await readText(options.setCookie, '--set-cookie', terminal), undefined)
  return parseSetCookieLines(answer.setCookie, now)
}

/** Looks up what the guard would, before the checks run: they are pure. */
async function localLookup(local: LocalStage, request: RequestUrl): Promise<RevocationLookup> {
  const prefixes = enclosingPrefixes(request.path, deepestPrefix)
  const entries = new Map<string, number | undefined>()
  for (const prefix of prefixes) entries.set(prefix, await local.revokedBefore(prefix))
  return (prefix) => entries.get(prefix)
}

function stateLookup({ revocations }: ReturnType<typeof parseRevocationState>): RevocationLookup {
  return (prefix) => {
    const found = revocations.filter((revocation) => revocation.prefix === prefix).map(({ before }) => before)
    return found.length === 0 ? undefined : Math.max(...found)
  }
}
