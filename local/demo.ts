import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalError } from './local-error.ts'
import type { EmulationOptions } from './options.ts'
import { demoImageName, fillDemoContent, setUpDemoImage } from './setup/demo-image.ts'
import { localDeployment } from './stage.ts'
import { startEmulation } from './supervisor.ts'

/**
 * The whole story on one screen, against a system of its own on a free port: sign in, mint, read ranges of a disk image, be
 * refused elsewhere, upload and read back, sign out.
 *
 * @throws LocalError naming the first step that did not go as it should.
 */
export async function runDemo(options: EmulationOptions, print: (line: string) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-demo-'))
  const content = options.content ?? join(directory, 'content')
  try {
    const image = await setUpDemoImage(print)
    const files = join(content, localDeployment(options).config.keyPrefix)
    if (options.content === undefined) fillDemoContent(files, image)
    const emulation = await startEmulation({
      ...options,
      port: options.port ?? 0,
      content,
      stateDirectory: join(directory, 'state'),
      log: print,
    })
    try {
      print(`✓ running at ${emulation.url}`)
      await tellStory(emulation.url, join(files, 'users/alice', demoImageName), print)
    } finally {
      await emulation.stop()
    }
    print('✓ stopped, nothing left running')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function tellStory(url: string, file: string, print: (line: string) => void): Promise<void> {
  const browser = createBrowser(url)
  const image = `/users/alice/${demoImageName}`

  expectStatus('without cookies the image is refused', await browser.get(image), 403)
  print('✓ without cookies: 403')

  expectStatus('sign-in', await browser.get('/dev/login?sub=alice'), 200)
  print('✓ signed in as alice (in production your app does that)')

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

  await uploadAndReadBack(browser, url, print)

  expectStatus('sign-out', await browser.send('DELETE', '/_edge/session', { origin: url }), 204)
  expectStatus('after sign-out the image is refused', await browser.get(image), 403)
  print('✓ signed out: 403 again')
}

/** As a front end does it: a ticket, the bytes, a confirm; then through the signed path like any other file. */
async function uploadAndReadBack(browser: Browser, url: string, print: (line: string) => void): Promise<void> {
  const bytes = randomBytes(3 * 2 ** 20 + 1)
  const key = 'users/alice/uploads/from the demo.bin'
  const path = `/${key.replaceAll(' ', '%20')}`
  const json = { origin: url, 'content-type': 'application/json' }
  const wish = { key, contentType: 'application/octet-stream', size: bytes.length, overwrite: true }
  const allowed = await browser.send('POST', '/api/uploads', json, JSON.stringify(wish))
  expectStatus('upload ticket', allowed, 201)
  const ticket = (await allowed.json()) as { uploadId: string; url: string; headers: Record<string, string> }

  const length = { 'upload-length': String(bytes.length) }
  const created = await fetch(ticket.url, { method: 'POST', headers: { ...ticket.headers, ...length } })
  expectStatus('upload begins', created, 201)
  const target = created.headers.get('location') ?? ''
  const half = Math.floor(bytes.length / 2)
  await sendPiece(target, 0, bytes.subarray(0, half))
  expectStatus('not readable before it is complete', await browser.get(path), 404)
  await sendPiece(target, half, bytes.subarray(half))
  const confirmed = await browser.send('POST', `/api/uploads/${ticket.uploadId}/confirm`, json, '{}')
  expectStatus('confirm', confirmed, 200)

  const read = await readByRanges(browser, path)
  if (read.sha256 !== createHash('sha256').update(bytes).digest('hex')) {
    throw new LocalError('Demo: what was read back is not what was uploaded.')
  }
  print(`✓ uploaded ${key} in two pieces, read back, sha256 ${read.sha256.slice(0, 12)}… as sent`)
}

async function sendPiece(target: string, offset: number, piece: Buffer): Promise<void> {
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-offset': String(offset),
    'content-type': 'application/offset+octet-stream',
  }
  expectStatus('upload goes on', await fetch(target, { method: 'PATCH', headers, body: Uint8Array.from(piece) }), 204)
}

async function readByRanges(browser: Browser, path: string): Promise<{ count: number; size: number; sha256: string }> {
  const step = 2 ** 20
  const hash = createHash('sha256')
  for (let start = 0, count = 1; ; start += step, count++) {
    const part = await browser.get(path, { range: `bytes=${start}-${start + step - 1}` })
    expectStatus(`range ${count}`, part, 206)
    hash.update(Buffer.from(await part.arrayBuffer()))
    const size = Number(part.headers.get('content-range')?.split('/')[1])
    if (!(size > 0)) throw new LocalError('Demo: a 206 without the size in Content-Range.')
    if (start + step >= size) return { count, size, sha256: hash.digest('hex') }
  }
}

interface Browser {
  get(path: string, headers?: Record<string, string>): Promise<Response>
  send(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Response>
}

/** Keeps cookies by name and path, and sends those whose path covers the request (RFC 6265 section 5.1.4). */
function createBrowser(url: string): Browser {
  const jar = new Map<string, { name: string; value: string; path: string }>()
  const send: Browser['send'] = async (method, path, headers = {}, body = undefined) => {
    const cookie = [...jar.values()]
      .filter((one) => path === one.path || path.startsWith(one.path.endsWith('/') ? one.path : `${one.path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of response.headers.getSetCookie()) keep(jar, line)
    return response
  }
  return { get: (path, headers) => send('GET', path, headers), send }
}

function keep(jar: Map<string, { name: string; value: string; path: string }>, line: string): void {
  const [pair = '', ...attributes] = line.split(/;\s*/)
  const equals = pair.indexOf('=')
  const name = pair.slice(0, equals)
  const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/'
  if (attributes.some((attribute) => /^max-age=(0|-)/i.test(attribute))) jar.delete(`${name} ${path}`)
  else jar.set(`${name} ${path}`, { name, value: pair.slice(equals + 1), path })
}

function expectStatus(step: string, response: Response, status: number): void {
  if (response.status !== status) throw new LocalError(`Demo: ${step}: status ${response.status}, expected ${status}.`)
}
