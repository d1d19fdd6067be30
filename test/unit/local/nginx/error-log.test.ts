import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLogFile, redactErrorLine as redactLine } from '../../../../local/nginx/error-log.ts'
import { createPathLogger } from '../../../../local/nginx/text.ts'
import { tokenPaths } from '../../../../server/upload-paths.ts'

const loggedPath = createPathLogger(tokenPaths)
const redactErrorLine = (line: string) => redactLine(line, loggedPath)

const start = '2026/11/20 12:00:00 [error] 12#12: *7'
const token = 'c2lnbmF0dXJlLW9mLWEtbGlua'

describe('a line of the error log', () => {
  it('keeps the fault, the client, the method, the path and the address of the upstream', () => {
    expect(
      redactErrorLine(
        `${start} connect() to unix:/tmp/edge-signer-aB3/bucket.sock failed (111: Connection refused) while connecting to upstream, ` +
          `client: 192.0.2.1, server: cdn.example.com, request: "GET /assets/private/a%20b.bin?md5=${token}&expires=1795000000 HTTP/1.1", ` +
          `upstream: "http://unix:/tmp/edge-signer-aB3/bucket.sock:/users/a%20b.bin?md5=${token}", host: "cdn.example.com", ` +
          `referrer: "https://app.example.com/?link=${token}"`,
      ),
    ).toBe(
      `${start} connect() to unix:/tmp/edge-signer-aB3/bucket.sock failed (111: Connection refused) while connecting to upstream, ` +
        'client: 192.0.2.1, request: "GET /assets/private/a%20b.bin", upstream: "unix:/tmp/edge-signer-aB3/bucket.sock"',
    )
  })

  it.each([
    `"/content/users/alice/a.bin" failed (13: Permission denied), client: ::1, server: x, request: "HEAD /users/alice/a.bin HTTP/1.1"`,
    `upstream prematurely closed connection while reading upstream, client: unix:, request: "GET /a HTTP/1.0"`,
  ])('keeps paths of files and reasons: %s', (text) => {
    const line = redactErrorLine(`${start} open() ${text}`)
    for (const kept of text.match(/\/content\S+\.bin|failed \(.*?\)|upstream prematurely closed connection/g) ?? []) {
      expect(line).toContain(kept)
    }
  })

  it.each([
    ['a query string that was cut off', `recv() failed, client: 192.0.2.1, request: "GET /a?md5=${token}`],
    ['an upload', `recv() failed, client: 192.0.2.1, request: "PATCH /files/${token} HTTP/1.1"`],
    ['an upload, encoded', `recv() failed, client: 192.0.2.1, request: "PATCH /%66il%65s%2f${token} HTTP/1.1"`],
    ['a ticket', `recv() failed, client: 192.0.2.1, request: "POST /api/uploads/${token}/confirm HTTP/1.1"`],
    [
      'a header of an upstream',
      `upstream sent invalid header: "Set-Cookie: a=${token}\\x00..." while reading, client: ::1`,
    ],
    ['a header whose quote is cut off', `upstream sent invalid header: "Set-Cookie: a=${token}`],
    [
      'a rewritten URL',
      `internal redirection cycle while processing "/files/${token}?${token}", client: ::1, server: x`,
    ],
    ['a path with a quote', `open() "/content/a"?md5=${token}" failed (2: No such file or directory), client: ::1`],
    [
      'a path with the words of nginx',
      `open() "/a, client: ?${token}" failed, client: ::1, request: "GET /a?${token}"`,
    ],
    ['words of a script', `js exception: Error: unexpected ${token} at main.js:3, client: ::1`],
    [
      'a query string with the words of nginx',
      `x failed, client: ::1, request: "GET /a?b=", upstream: "http://a/?${token}" HTTP/1.1"`,
    ],
    ['an absolute URL', `x failed, client: ::1, request: "GET http://cdn.example.com/files/${token} HTTP/1.1"`],
  ])('leaves out %s', (_what, text) => {
    const line = redactErrorLine(`${start} ${text}`)
    expect(line).not.toContain(token)
    expect(line.startsWith(start)).toBe(true)
  })

  it('leaves out what is no line of nginx: the rest of a line with a line feed in it', () => {
    expect(redactErrorLine(`/a?md5=${token}`)).toBe('(left out)')
    expect(redactErrorLine(`2026/11/20 ${token}`)).toBe('(left out)')
  })

  it('is whole where it is about the configuration or a process', () => {
    for (const line of [
      '2026/11/20 12:00:00 [emerg] 12#12: bind() to 0.0.0.0:443 failed (98: Address already in use)',
      '2026/11/20 12:00:00 [alert] 12#12: worker process 13 exited on signal 9',
      'nginx: configuration file /run/nginx.conf test failed',
    ]) {
      expect(redactErrorLine(line)).toBe(line)
    }
  })

  it('costs time in proportion to its length', () => {
    const hostile = `${start} x "${'/.'.repeat(500_000)}, client: ${'1'.repeat(500_000)}, request: "GET ${'//files'.repeat(100_000)}`
    const begun = process.cpuUsage()
    redactErrorLine(hostile)
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(2000)
  })
})

describe('a path in a log', () => {
  it('ends where a token begins', () => {
    for (const [path, logged] of [
      ['/users/alice/a.bin', '/users/alice/a.bin'],
      ['/users/alice/a.bin?x=/files/', '/users/alice/a.bin'],
      ['/users/alice/files/report.pdf', '/users/alice/files/report.pdf'],
      ['/files/', '/files/'],
      ['/files/abc', '/files/*'],
      ['/FILES/abc/def', '/FILES/*'],
      ['/api/uploads', '/api/uploads'],
      ['/api/uploads/abc/confirm', '/api/uploads/*'],
      ['/api/s3/multipart/abc/complete', '/api/s3/multipart/*'],
      ['/api/s3//multipart/abc', '/api/s3//multipart/*'],
      ['//files/abc', '//files/*'],
      ['/x/..%2ffiles/abc', '/x/..%2ffiles/*'],
      ['/api/./uploads/abc', '/api/./uploads/*'],
    ]) {
      expect(loggedPath(path ?? ''), path).toBe(logged)
    }
  })
})

describe('a log file', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'edge-signer-log-'))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('has each line in its file at once, and goes on in a new file after rotation', () => {
    const file = join(directory, 'error.log')
    const log = openLogFile(file)
    log.write('one')
    expect(readFileSync(file, 'utf8')).toBe('one\n')
    renameSync(file, `${file}.1`)
    log.write('two')
    log.reopen()
    log.write('three')
    log.close()
    expect([`${file}.1`, file].map((name) => readFileSync(name, 'utf8'))).toEqual(['one\ntwo\n', 'three\n'])
  })

  it.runIf(existsSync('/dev/full'))('costs lines on a full disk, never the process', () => {
    const log = openLogFile('/dev/full')
    expect(() => log.write('lost')).not.toThrow()
    log.close()
    expect(() => log.write('late')).not.toThrow()
  })

  it('goes on in the file that it has if its folder is gone', () => {
    const folder = mkdtempSync(join(directory, 'gone-'))
    const log = openLogFile(join(folder, 'error.log'))
    rmSync(folder, { recursive: true })
    expect(() => log.reopen()).not.toThrow()
    expect(() => log.write('line')).not.toThrow()
    log.close()
  })
})
