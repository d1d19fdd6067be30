import { isIP } from 'node:net'
import config from '../../edge-signer.config.ts'
import { privatePathPatterns } from '../../infra/distribution/behaviours.ts'
import { parseIpv4 } from '../../shared/cloudfront/ipv4.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { readRules } from '../../shared/read/read-rules.ts'
import { enclosingPrefixes } from '../../shared/revocation/key-value.ts'
import { parseRevocationState } from '../../shared/revocation/state.ts'
import { type HttpAnswer, parseHttpAnswer } from '../input/http-answer.ts'
import { readKeys } from '../input/keys.ts'
import { parseRequestUrl, type RequestUrl } from '../input/request-url.ts'
import { parseNetscapeJar, parseSetCookieLines, type StoredCookie } from '../input/stored-cookies.ts'
import { type LocalStage, readLocalStage } from '../stage/local-stage.ts'
import { readText, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import type { ExplainOptions } from './arguments.ts'
import { maxPrefixDepth } from './checks/guard.ts'
import type { ExplainInput, RevocationLookup } from './input.ts'

/**
 * Reads everything that the options name: files, keys, the state of the local stage.
 *
 * @throws UsageError; ServiceError `ERR_KEYS_INVALID`; ConfigError.
 */
export async function readInput(
  options: ExplainOptions,
  answer: HttpAnswer | undefined,
  now: number,
  terminal: Terminal,
): Promise<ExplainInput> {
  const request = options.url === undefined ? undefined : parseRequestUrl(options.url)
  const keys = options.keys === undefined ? undefined : await readKeys(options.keys, terminal)
  const local = options.local || options.state !== undefined ? await readLocalStage(options.state) : undefined
  const state =
    options.revocations && parseRevocationState(await readText(options.revocations, '--revocations', terminal))
  if (options.ip !== undefined && isIP(options.ip) === 0) throw new UsageError('--ip must be an IPv4 or IPv6 address')
  return {
    request,
    ...readGrants(),
    cookieHeader: options.cookie === undefined ? undefined : await readCookieHeader(options.cookie, terminal),
    stored: await readStored(options, now, terminal),
    page: options.page === undefined ? undefined : parseRequestUrl(options.page),
    navigation: options.navigation ?? false,
    now,
    clientIp: options.ip === undefined ? undefined : unmapIpv4(options.ip),
    publicKeys: keys?.publicKeys ?? local?.publicKeys,
    stampKey: keys?.document?.stampKey ?? local?.document.stampKey,
    revocations: state ? stateLookup(state) : local && request && (await localLookup(local, request)),
    answer,
  }
}

/**
 * Returns the prefixes whose files need a signature, the depths of the grants and the hosts, of all stages together, because the stage of a URL is
 * unknown. The cost of a prefix too many is the check of a signature that a public path does not need.
 *
 * @throws ConfigError.
 */
function readGrants(): Pick<ExplainInput, 'privatePaths' | 'prefixDepths' | 'knownHosts'> {
  const deployments = Object.keys(config.stages).map((stage) => parseDeployment(config, stage))
  const paths = new Set(deployments.flatMap(privatePathPatterns).map((pattern) => pattern.slice(0, -1)))
  const depths: Record<string, number[]> = {}
  for (const [first, more = []] of deployments.flatMap((each) => Object.entries(readRules(each.config).depths))) {
    depths[first] = [...new Set([...(depths[first] ?? []), ...more])].sort((a, b) => a - b)
  }
  const hosts = deployments.flatMap(({ config: { hosts: cdn, bucket, bucketRegion } }) => [
    ...cdn.all,
    ...(bucket === null ? [] : [`${bucket}.s3.amazonaws.com`, `${bucket}.s3.${bucketRegion}.amazonaws.com`]),
  ])
  return { privatePaths: [...paths], prefixDepths: depths, knownHosts: [...new Set(hosts)] }
}

/** Returns the IPv4 address of `::ffff:192.0.2.7`, the form in which a dual-stack socket reports an IPv4 viewer. */
function unmapIpv4(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && parseIpv4(mapped) !== undefined ? mapped : address
}

/**
 * Reads a `Cookie` header as it was copied, with or without its name. HTTP/2 and HTTP/3 clients may send it in several lines,
 * which are joined (RFC 9113 section 8.2.3).
 */
async function readCookieHeader(value: string, terminal: Terminal): Promise<string> {
  const text = value.startsWith('@') ? await readText(value.slice(1), '--cookie', terminal) : value
  return text
    .split(/\r?\n/)
    .map((line) => line.trim().replace(/^cookie:\s*/i, ''))
    .filter((line) => line !== '')
    .join('; ')
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

/** Reads the entries that the guard would look up, in advance: the checks are pure. */
async function localLookup(local: LocalStage, request: RequestUrl): Promise<RevocationLookup> {
  const prefixes = enclosingPrefixes(request.path, maxPrefixDepth)
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
