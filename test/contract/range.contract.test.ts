import { expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import type { Answer } from '../support/http-client.ts'
import { disk, image } from './content.ts'
import { describeTargets, expectProblem } from './suite.ts'

/** Range requests (RFC 9110 section 14) as a disk reader sends them: thousands of small parts of one large private file. */
describeTargets('ranges', (suite) => {
  const size = disk.length
  const path = '/users/alice/disk.bin'
  const read = (reader: Browser, range: string, headers: Record<string, string> = {}, from = path) =>
    reader.send({ path: from, headers: { range, ...headers } })

  const parts: ReadonlyArray<readonly [range: string, from: number, to: number]> = [
    ['bytes=0-0', 0, 0],
    ['bytes=0-511', 0, 511],
    ['bytes=511-512', 511, 512],
    [`bytes=${size - 1}-${size - 1}`, size - 1, size - 1],
    [`bytes=${size - 1}-`, size - 1, size - 1],
    ['bytes=1048000-', 1_048_000, size - 1],
    ['bytes=0-', 0, size - 1],
    ['bytes=-1', size - 1, size - 1],
    ['bytes=-512', size - 512, size - 1],
    [`bytes=-${size}`, 0, size - 1],
    [`bytes=-${size + 1}`, 0, size - 1],
    [`bytes=100-${size + 1000}`, 100, size - 1],
    [`bytes=0-${size - 1}`, 0, size - 1],
  ]
  it.each(parts)('answers %s with exactly bytes %i to %i', async (range, from, to) => {
    const answer = await read(await suite.signedIn('alice'), range)
    expectPart(answer, from, to, size)
    expect(answer.body.equals(disk.subarray(from, to + 1))).toBe(true)
  })

  it.each(['bytes=0-0', 'bytes=-1', 'bytes=1000-'])('answers %s on a public path too', async (range) => {
    const answer = await read(suite.browser(), range, {}, '/public/disk.bin')
    expect(answer.status).toBe(206)
    expect(answer.headers['content-range']).toMatch(new RegExp(`^bytes \\d+-\\d+/${size}$`))
  })

  it.each([`bytes=${size}-`, `bytes=${size}-${size + 1}`, 'bytes=99999999999999-', 'bytes=-0'])(
    'answers 416 to %s with the length of the file',
    async (range) => {
      const answer = await read(await suite.signedIn('alice'), range)
      expect(answer.status).toBe(416)
      expect(answer.headers['content-range']).toBe(`bytes */${size}`)
      expect(answer.body.includes(disk.subarray(0, 32))).toBe(false)
    },
  )

  it('serves no part of an empty file', async () => {
    const alice = await suite.signedIn('alice')
    const part = await read(alice, 'bytes=0-0', {}, '/users/alice/empty.bin')
    // S3 refuses; RFC 9110 section 14.2 lets a server ignore the field too, as nginx does.
    expect([200, 416]).toContain(part.status)
    expect(part.headers['content-range'] ?? 'bytes */0').toBe('bytes */0')
    const whole = await alice.send('/users/alice/empty.bin')
    expect(whole.status).toBe(200)
    expect(whole.headers['content-length']).toBe('0')
  })

  it.each([
    'bytes=0-0,2-3',
    'bytes=0-0, 2-3',
    'bytes=5-6,0-1',
    'bytes=0-,0-,0-',
    'bytes=0-1,,',
    `bytes=${'0-0,'.repeat(20)}0-0`,
  ])('refuses more than one range: %s', async (range) => {
    expectProblem(await read(await suite.signedIn('alice'), range), 416, 'ERR_RANGE_MULTIPLE')
    expectProblem(await read(suite.browser(), range, {}, '/public/disk.bin'), 416, 'ERR_RANGE_MULTIPLE')
  })

  // RFC 9110 section 14.2: a Range that is invalid, or in a unit that the server does not know, is ignored.
  it.each(['bytes=5-2', 'bytes=a-b', 'bytes=', 'bytes', 'items=0-1', 'bytes=0x10-0x20', 'bytes=-'])(
    'ignores %j or refuses it, but never answers with a wrong part',
    async (range) => {
      const answer = await read(await suite.signedIn('alice'), range)
      expect([200, 400, 416]).toContain(answer.status)
      if (answer.status === 200) expect(answer.body.equals(disk)).toBe(true)
    },
  )

  it('takes the unit in any case', async () => {
    const answer = await read(await suite.signedIn('alice'), 'Bytes=4-7')
    expect([200, 206]).toContain(answer.status)
    expect(answer.body.equals(answer.status === 206 ? disk.subarray(4, 8) : disk)).toBe(true)
  })

  it('gives the same strong ETag on HEAD, GET and every part', async () => {
    const alice = await suite.signedIn('alice')
    const answers = await Promise.all([
      alice.send({ method: 'HEAD', path }),
      alice.send(path),
      read(alice, 'bytes=0-0'),
      read(alice, 'bytes=-5'),
    ])
    const [etag] = answers.map((answer) => answer.headers.etag)
    expect(etag).toMatch(/^"[^"]+"$/)
    for (const answer of answers) expect(answer.headers.etag).toBe(etag)
  })

  it('answers HEAD with the length and no body', async () => {
    const alice = await suite.signedIn('alice')
    const answer = await alice.send({ method: 'HEAD', path })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-length']).toBe(String(size))
    expect(answer.headers['accept-ranges']).toBe('bytes')
    expect(answer.body.length).toBe(0)
  })

  it('honours If-Range: a part of an unchanged file, a changed file whole', async () => {
    const alice = await suite.signedIn('alice')
    const { etag, 'last-modified': modified } = (await alice.send({ method: 'HEAD', path })).headers
    expectPart(await read(alice, 'bytes=8-15', { 'if-range': String(etag) }), 8, 15, size)
    expectPart(await read(alice, 'bytes=8-15', { 'if-range': String(modified) }), 8, 15, size)
    for (const other of ['"another"', `W/${etag}`, 'Thu, 01 Jan 1970 00:00:00 GMT']) {
      const answer = await read(alice, 'bytes=8-15', { 'if-range': other })
      expect(answer.status, other).toBe(200)
      expect(answer.body.equals(disk)).toBe(true)
    }
  })

  it('answers 304 without a body where the client has the file', async () => {
    const alice = await suite.signedIn('alice')
    const { etag, 'last-modified': modified } = (await alice.send({ method: 'HEAD', path })).headers
    const conditions: Record<string, string>[] = [
      { 'if-none-match': String(etag) },
      { 'if-none-match': `"x", ${etag}` },
      { 'if-none-match': `W/${etag}` },
      { 'if-none-match': '*' },
      { 'if-modified-since': String(modified) },
      { 'if-none-match': String(etag), range: 'bytes=0-0' },
      { 'if-none-match': String(etag), 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    ]
    for (const headers of conditions) {
      const answer = await alice.send({ path, headers })
      expect(answer.status, JSON.stringify(Object.keys(headers))).toBe(304)
      expect(answer.body.length).toBe(0)
    }
  })

  it('answers 200 where the client has another file', async () => {
    const alice = await suite.signedIn('alice')
    for (const headers of [{ 'if-none-match': '"x"' }, { 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }]) {
      expect((await alice.send({ path, headers })).status).toBe(200)
    }
  })

  it('sends the bytes as they are, whatever encodings the client offers', async () => {
    const alice = await suite.signedIn('alice')
    for (const from of [path, '/users/alice/script.js', '/public/logo.txt']) {
      const answer = await alice.send({ path: from, headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } })
      expect(answer.status).toBe(200)
      expect(answer.headers['content-encoding'] ?? 'identity').toBe('identity')
    }
  })

  it('reads the same part a hundred times, in parallel, right each time', async () => {
    const alice = await suite.signedIn('alice')
    const offsets = Array.from({ length: 100 }, (_, index) => index * 10_007)
    for (let start = 0; start < offsets.length; start += 20) {
      const answers = await Promise.all(
        offsets
          .slice(start, start + 20)
          .map(async (from) => ({ from, answer: await read(alice, `bytes=${from}-${from + 4095}`) })),
      )
      for (const { from, answer } of answers) {
        expect(answer.status).toBe(206)
        expect(answer.body.equals(disk.subarray(from, from + 4096))).toBe(true)
      }
    }
  })

  it.skipIf(!suite.can.bigImage)('knows the length of a file beyond 4 GiB', async () => {
    const answer = await (await suite.signedIn('alice')).send({ method: 'HEAD', path: image.path })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-length']).toBe(String(image.size))
  })

  it.skipIf(!suite.can.bigImage).each(image.marks)(
    'reads the mark at byte $offset of it',
    async ({ offset, bytes }) => {
      const alice = await suite.signedIn('alice')
      const to = offset + bytes.length - 1
      const answer = await read(alice, `bytes=${offset}-${to}`, {}, image.path)
      expectPart(answer, offset, to, image.size)
      expect(answer.body.toString()).toBe(bytes.toString())
    },
  )

  it.skipIf(!suite.can.bigImage)(
    'reads its first byte beyond 32 bits, its end by suffix and by an open range',
    async () => {
      const alice = await suite.signedIn('alice')
      const beyond = 2 ** 32
      expectPart(await read(alice, `bytes=${beyond}-${beyond}`, {}, image.path), beyond, beyond, image.size)
      for (const range of ['bytes=-12', `bytes=${image.size - 12}-`]) {
        const end = await read(alice, range, {}, image.path)
        expectPart(end, image.size - 12, image.size - 1, image.size)
        expect(end.body.toString()).toBe('end of image')
      }
      const after = await read(alice, `bytes=${image.size}-`, {}, image.path)
      expect(after.status).toBe(416)
      expect(after.headers['content-range']).toBe(`bytes */${image.size}`)
    },
  )

  it.skipIf(!suite.can.bigImage)('starts to send all of it at once where no range is asked for', async () => {
    const alice = await suite.signedIn('alice')
    const answer = await alice.send({ path: image.path, maxBody: 2 ** 20 })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-length']).toBe(String(image.size))
    expect(answer.body.length).toBe(2 ** 20)
  })
})

function expectPart(answer: Answer, from: number, to: number, size: number): void {
  const { status, headers, body } = answer
  expect({ status, range: headers['content-range'], length: headers['content-length'], read: body.length }).toEqual({
    status: 206,
    range: `bytes ${from}-${to}/${size}`,
    length: String(to - from + 1),
    read: to - from + 1,
  })
}
