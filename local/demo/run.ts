import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, fetch, type Response } from 'undici'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { LocalError } from '../local-error.ts'
import { prepareCertificate } from '../setup/certificate.ts'
import { demoImageName, fillDemoContent, setUpDemoImage } from '../setup/demo-image.ts'
import { type EmulationOptions, localSite } from '../site.ts'
import type { RunningSite } from '../start.ts'

/**
 * Tells the whole story on one screen, on a system of its own. The port is a free one unless `port` names one. The story's files are
 * added to the content if they are missing.
 *
 * @param start starts the system.
 * @throws LocalError naming the first step that failed.
 */
export async function runDemo<Options extends EmulationOptions>(
  start: (options: Options) => Promise<RunningSite>,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-demo-'))
  const content = options.content ?? join(directory, 'content')
  const stateDirectory = join(directory, 'state')
  try {
    const { enforcement, keyPrefix } = localSite(options).deployment.config
    const files = join(content, keyPrefix)
    fillDemoContent(files, await setUpDemoImage(print))
    const ca = options.tls === true ? readFileSync((await prepareCertificate(stateDirectory)).certificate) : undefined
    const site = await start({ ...options, port: options.port ?? 0, content, stateDirectory, log: print })
    const browser = createBrowser(site.url, ca)
    try {
      print(`✓ running at ${site.url}`)
      await tellStory({ browser, file: join(files, 'users/alice', demoImageName), enforcement, print })
    } finally {
      await browser.close()
      await site.stop()
    }
    print('✓ stopped, nothing left running')
    print('')
    print('Next: npm start, then open http://localhost:8080/_edge/files/ and sign in as alice')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The visitor of a story, and the facts that its answers are compared with. */
export interface StoryOptions {
  readonly browser: Browser
  /** Path of the disk image in the content. */
  readonly file: string
  readonly enforcement: StageConfig['enforcement']
  readonly print: (line: string) => void
}

/**
 * Signs in, mints cookies, reads ranges of a disk image, is refused another user's file, uploads a file and reads it back, signs out.
 *
 * @throws LocalError naming the first step that failed.
 */
export async function tellStory({ browser, file, enforcement, print }: StoryOptions): Promise<void> {
  const image = `/users/alice/${demoImageName}`
  // CloudFront responds 403. In gate mode the session function responds, and it distinguishes a missing session.
  const refused = enforcement === 'gate' ? 401 : 403

  expectStatus('without cookies the image is refused', await browser.get(image), refused)
  print(`✓ without cookies: ${refused}`)

  expectStatus('sign-in', await browser.get('/dev/login?sub=alice'), 200)
  print('✓ signed in as alice (on a deployed stage your app does that)')

  const minted = await browser.get('/_edge/session')
  expectStatus('mint', minted, 200)
  const { prefixes } = (await minted.json()) as { prefixes: string[] }
  print(`✓ minted cookies for ${prefixes.join(', ')}`)

  const ranges = await readByRanges(browser, image)
  const expected = createHash('sha256').update(readFileSync(file)).digest('hex')
  if (ranges.sha256 !== expected) throw new LocalError('Demo: the bytes that were read are not those of the file.')
  print(`✓ read ${image} in ${ranges.count} ranges, ${ranges.size} bytes, sha256 ${expected.slice(0, 12)}… as on disk`)

  expectStatus("bob's file is refused", await browser.get('/users/bob/notes.txt'), 403)
  print('✓ refused on /users/bob/: 403')

  await uploadAndReadBack(browser, print)

  expectStatus('sign-out', await browser.send('DELETE', '/_edge/session', { origin: browser.origin }), 204)
  expectStatus('after sign-out the image is refused', await browser.get(image), refused)
  print(`✓ signed out: ${refused} again`)
}

/** Uploads as a front end does: a ticket, the bytes, a confirm. Then reads the file by its signed path. */
async function uploadAndReadBack(browser: Browser, print: (line: string) => void): Promise<void> {
  const bytes = randomBytes(3 * 2 ** 20 + 1)
  const key = 'users/alice/uploads/from the demo.bin'
  const path = `/${key.replaceAll(' ', '%20')}`
  const json = { origin: browser.origin, 'content-type': 'application/json' }
  const upload = { key, contentType: 'application/octet-stream', size: bytes.length, overwrite: true }
  const allowed = await browser.send('POST', '/api/uploads', json, JSON.stringify(upload))
  expectStatus('upload ticket', allowed, 201)
  const ticket = (await allowed.json()) as { uploadId: string; url: string; headers: Record<string, string> }

  const length = { 'upload-length': String(bytes.length) }
  const created = await browser.sendPlain('POST', ticket.url, { ...ticket.headers, ...length })
  expectStatus('upload begins', created, 201)
  const target = created.headers.get('location') ?? ''
  const half = Math.floor(bytes.length / 2)
  await sendChunk(browser, target, 0, bytes.subarray(0, half))
  expectStatus('not readable before it is complete', await browser.get(path), 404)
  await sendChunk(browser, target, half, bytes.subarray(half))
  const confirmed = await browser.send('POST', `/api/uploads/${ticket.uploadId}/confirm`, json, '{}')
  expectStatus('confirm', confirmed, 200)

  const read = await readByRanges(browser, path)
  if (read.sha256 !== createHash('sha256').update(bytes).digest('hex')) {
    throw new LocalError('Demo: what was read back is not what was uploaded.')
  }
  print(`✓ uploaded ${key} in two pieces, read back, sha256 ${read.sha256.slice(0, 12)}… as sent`)
}

async function sendChunk(browser: Browser, target: string, offset: number, chunk: Buffer): Promise<void> {
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-offset': String(offset),
    'content-type': 'application/offset+octet-stream',
  }
  expectStatus('upload continues', await browser.sendPlain('PATCH', target, headers, Uint8Array.from(chunk)), 204)
}

const rangeBytes = 2 ** 20

/** Reads a whole file in ranges of 1 MiB. @throws LocalError if one is refused. */
async function readByRanges(browser: Browser, path: string): Promise<{ count: number; size: number; sha256: string }> {
  const hash = createHash('sha256')
  for (let start = 0, count = 1; ; start += rangeBytes, count++) {
    const part = await browser.get(path, { range: `bytes=${start}-${start + rangeBytes - 1}` })
    expectStatus(`range ${count}`, part, 206)
    hash.update(Buffer.from(await part.arrayBuffer()))
    const size = Number(part.headers.get('content-range')?.split('/')[1])
    if (!(size > 0)) throw new LocalError('Demo: a 206 without the size in Content-Range.')
    if (start + rangeBytes >= size) return { count, size, sha256: hash.digest('hex') }
  }
}

function expectStatus(name: string, response: Response, status: number): void {
  if (response.status !== status) throw new LocalError(`Demo: ${name}: status ${response.status}, expected ${status}.`)
}

/** A visitor that stores cookies by name and path, and follows no redirect. */
export interface Browser {
  /** The origin that paths belong to: `http://localhost:8080`. */
  readonly origin: string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  send(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Response>
  /** Sends to any address without cookies, as a script sends to an upload server. */
  sendPlain(method: string, url: string, headers: Record<string, string>, body?: Uint8Array): Promise<Response>
  close(): Promise<void>
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** @param ca PEM of a certificate that is trusted in addition to the system's authorities. */
export function createBrowser(origin: string, ca: Buffer | undefined): Browser {
  const jar = new Map<string, Cookie>()
  const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } })
  const send: Browser['send'] = async (method, path, headers = {}, body = undefined) => {
    const cookie = cookiesFor(jar, path)
    const response = await fetch(origin + path, {
      dispatcher,
      method,
      redirect: 'manual',
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of response.headers.getSetCookie()) keep(jar, line)
    return response
  }
  return {
    origin,
    get: (path, headers) => send('GET', path, headers),
    send,
    sendPlain: (method, url, headers, body) =>
      fetch(url, { dispatcher, method, headers, ...(body === undefined ? {} : { body }) }),
    close: () => dispatcher.destroy(),
  }
}

/** Returns the `Cookie` header: the cookies whose path covers the request (RFC 6265 section 5.1.4). */
function cookiesFor(jar: ReadonlyMap<string, Cookie>, path: string): string {
  return [...jar.values()]
    .filter((one) => path === one.path || path.startsWith(one.path.endsWith('/') ? one.path : `${one.path}/`))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
}

function keep(jar: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split(/;\s*/)
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals)
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/'
  if (attributes.some((attribute) => /^max-age=(0|-)/i.test(attribute))) jar.delete(`${name} ${path}`)
  else jar.set(`${name} ${path}`, { name, value: pair.slice(equals + 1), path })
}
