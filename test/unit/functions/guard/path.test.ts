import { expect, it } from 'vitest'
import type { FunctionRequest, FunctionResponse } from '../../../../shared/cloudfront/function-event.ts'
import { encodePathSegment } from '../../../../shared/grant/resource-prefix.ts'
import { viewerRequestEvent } from '../../../support/function-events.ts'
import { describeWithNjs, runFunction } from '../../../support/njs.ts'
import { buildGuard } from './guard-bundle.ts'

async function outcomes(uris: readonly string[]): Promise<[uri: string, outcome: string][]> {
  const events = uris.map((uri) => viewerRequestEvent({ uri }))
  const results = await runFunction(await buildGuard(), events)
  return results.map((result, i) => [uris[i] as string, outcomeOf(result)])
}

function outcomeOf(result: FunctionRequest | FunctionResponse): string {
  if ('uri' in result) return 'passed'
  return `${result.statusCode} ${JSON.parse(result.body?.data ?? '{}').code}`
}

const all = (uris: readonly string[], outcome: string) => uris.map((uri) => [uri, outcome])

describeWithNjs('the path check of the guard', () => {
  it('refuses every path that two readers could understand differently', async () => {
    const uris = [
      ...['', 'users/alice/x', '//users/alice/x', '/users//alice/x', '/users/alice//x', '/users/alice/x//'],
      ...['/users/alice/../bob/x', '/users/alice/./x', '/users/alice/..', '/users/alice/.', '/public/../users/bob/x'],
      ...['/users/alice/%2E%2E/bob/x', '/users/alice/%2e%2e/bob/x', '/users/alice/.%2E/x', '/users/alice/%2e/x'],
      ...['/users/alice/a%2Fb', '/users/alice/a%2fb', '/users/alice/a%5Cb', '/users/alice/a%5cb', '/users/alice/a\\b'],
      ...['/users/%61lice/x', '/%75sers/alice/x', '/users/alice/%7Ex', '/users/alice/%2D', '/users/alice/%5F', '/%30'],
      ...['/users/alice/%c3%a9', '/users/alice/%C3%a9', '/users/alice/%2b'],
      ...['/users/alice/%00', '/users/alice/%0A', '/users/alice/%0D%0A', '/users/alice/%1F', '/users/alice/%7F'],
      ...['/users/alice/a\nb', '/users/alice/a\u0000', '/users/alice/a\u007f', '/users/alice/x\n', '/users/alice/..\n'],
      ...['/users/alice/%', '/users/alice/%4', '/users/alice/%ZZ', '/users/alice/100%x', '/users/alice/%u0041'],
      ...['/users/alice/%80', '/users/alice/%C3', '/users/alice/%C3x', '/users/alice/%C0%AF', '/users/alice/%C1%81'],
      ...['/users/alice/%E0%80%AF', '/users/alice/%E2%82', '/users/alice/%ED%A0%80', '/users/alice/%F0%80%80%AF'],
      ...['/users/alice/%F0%9F%98', '/users/alice/%F4%90%80%80', '/users/alice/%F5%80%80%80', '/users/alice/%FF'],
      ...['/users/alice/é', '/users/alice/a b', '/users/alice/"', '/users/alice/<', '/users/alice/`', '/users/alice/{'],
      ...['/users/alice/a?b', '/users/alice/a#b'],
    ]
    expect(await outcomes(uris)).toEqual(all(uris, '400 ERR_PATH_NOT_CANONICAL'))
  })

  it('passes what clients send for ordinary names', async () => {
    const uris = [
      ...['/users/alice/disk.img', '/users/alice/', '/users/alice', '/public/a/b/c.bin', '/_edge/pages/403.html', '/'],
      ...["/users/alice/a+b!$&'()*,;=:@c", '/users/alice/[1]^|~', '/users/alice/%21%2B%28%29%40%2A', '/public/(1)'],
      ...['/users/alice/100%25.img', '/users/alice/a%20b', '/users/alice/%252F', '/users/alice/%3F%23%22%5B%5D%7B%7D'],
      ...['/users/alice/...', '/users/alice/.hidden', '/users/alice/..x', '/users/alice/x..', '/users/alice/.+'],
      ...['/users/alice/%C3%A9', '/users/alice/%E2%82%AC', '/users/alice/%F0%9F%98%80', '/users/alice/%F4%8F%BF%BF'],
      ...['/users/alice/%ED%9F%BF', '/users/alice/%EE%80%80', '/users/alice/%EF%BF%BD', '/users/alice/%E0%A0%80'],
    ]
    expect(await outcomes(uris)).toEqual(all(uris, 'passed'))
  })

  it('accepts what Node decodes, and refuses what it does not, for every escape of two bytes and many of three and four', async () => {
    const uris: string[] = []
    const hex = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    for (let lead = 0x80; lead <= 0xff; lead++) {
      for (const next of [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) {
        const two = `/users/alice/${hex(lead)}${hex(next)}`
        uris.push(two, `${two}%80`, `${two}%80%BF`, `${two}%80%BF%80`)
      }
    }
    const expected = uris.map((uri) => [uri, isUtf8(uri) ? 'passed' : '400 ERR_PATH_NOT_CANONICAL'])
    expect(new Set(expected.map(([, outcome]) => outcome)).size).toBe(2)
    expect(await outcomes(uris)).toEqual(expected)
  })

  it('passes every segment that the encoder writes', async () => {
    const names: string[] = []
    for (let code = 0x20; code < 0x250; code++) {
      const name = `x${String.fromCodePoint(code)}`
      if (!/[*?/\\\p{Cc}]/u.test(name)) names.push(name)
    }
    const uris = names.map((name) => `/users/${encodePathSegment(name)}/${encodePathSegment(name)}`)
    expect(await outcomes(uris)).toEqual(all(uris, 'passed'))
  })

  it('takes a prefix in the encoder’s form only, so that one revocation has one name', async () => {
    const raw = ['/users/a+b/x', '/users/a@b/x', "/users/a'b/x", '/teams/(a)/x', '/users/a*b/x', '/users/a:b/x']
    expect(await outcomes(raw)).toEqual(all(raw, '400 ERR_PATH_RESERVED'))
    const encoded = ['/users/a%2Bb/x+y', '/users/a%40b/x@y', '/public/a+b/x', '/users/a+b']
    expect(await outcomes(encoded)).toEqual(all(encoded, 'passed'))
  })

  it('never serves unchecked uploads or the revocation state', async () => {
    const reserved = ['/_incoming/1', '/_incoming', '/_state/revocations.json', '/_state/']
    expect(await outcomes(reserved)).toEqual(all(reserved, '404 ERR_NOT_FOUND'))
    expect(await outcomes(['/_incoming2/1', '/users/_state/x'])).toEqual([
      ['/_incoming2/1', 'passed'],
      ['/users/_state/x', 'passed'],
    ])
  })

  it('takes no first segment for a member of an object', async () => {
    const uris = ['/constructor/a/b', '/__proto__/a/b', '/toString/a/b']
    expect(await outcomes(uris)).toEqual(all(uris, 'passed'))
  })

  it('answers the longest hostile path without running out of stack or time', async () => {
    const long = [
      `/users/alice/${'a'.repeat(8000)}"`,
      `/users/alice/${'%C3%A9'.repeat(1300)}%`,
      `/users${'/.a'.repeat(2600)}/..`,
    ]
    expect(await outcomes(long)).toEqual(all(long, '400 ERR_PATH_NOT_CANONICAL'))
  })
})

function isUtf8(uri: string): boolean {
  try {
    decodeURIComponent(uri)
    return true
  } catch {
    return false
  }
}
