import { expect, it } from 'vitest'
import type { FunctionRequest, FunctionResponse } from '../../../../shared/cloudfront/function-event.ts'
import { type EdgeErrorCode, problems } from '../../../../shared/errors.ts'
import { problemResponse } from '../../../../shared/read/problem-response.ts'
import { type RequestParts, valuesOf, viewerRequestEvent } from '../../../support/function-events.ts'
import { describeWithNjs, runFunction } from '../../../support/njs.ts'
import { buildGuard } from './guard-bundle.ts'

const rangeOnly = { rangeOnly: ['/users/alice/range-only/', '/public/old (1)/'] }

async function ask(parts: RequestParts[], settings = {}): Promise<(FunctionRequest | FunctionResponse)[]> {
  return runFunction(await buildGuard(settings), parts.map(viewerRequestEvent))
}

async function codes(parts: RequestParts[], settings = {}): Promise<string[]> {
  const results = await ask(parts, settings)
  return results.map((result) => ('uri' in result ? 'passed' : JSON.parse(result.body?.data ?? '{}').code))
}

const responseOf = (result: FunctionRequest | FunctionResponse | undefined): FunctionResponse => {
  if (result === undefined || !('statusCode' in result)) throw new Error('the guard passed the request on')
  return result
}

describeWithNjs('the method check of the guard', () => {
  it('passes GET and HEAD on unchanged', async () => {
    const parts = [{ method: 'GET', headers: { range: 'bytes=0-1' } }, { method: 'HEAD' }]
    expect(await ask(parts)).toEqual(parts.map((part) => viewerRequestEvent(part).request))
  })

  it('refuses every other method with 405 and Allow', async () => {
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'get', 'QUERY']
    for (const result of await ask(methods.map((method) => ({ method })))) {
      const response = responseOf(result)
      expect(response.statusCode).toBe(405)
      expect(response.headers.allow).toEqual({ value: 'GET, HEAD, OPTIONS' })
      expect(JSON.parse(response.body?.data ?? '').code).toBe('ERR_METHOD_NOT_ALLOWED')
    }
  })

  it('answers a preflight of an allowed origin', async () => {
    const headers = { origin: 'http://localhost:5173', 'access-control-request-method': 'GET' }
    const [result] = await ask([{ method: 'OPTIONS', headers }])
    expect(result).toEqual({
      statusCode: 204,
      headers: valuesOf({
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers':
          'Authorization, Content-Type, If-Modified-Since, If-None-Match, If-Range, Range',
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-origin': 'http://localhost:5173',
        'access-control-max-age': '86400',
        allow: 'GET, HEAD, OPTIONS',
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-site',
        vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
        'x-content-type-options': 'nosniff',
      }),
    })
  })

  it('permits nothing to an origin that is not allowed, in a preflight and in a problem', async () => {
    const origins = [
      'https://evil.test',
      'https://app.example.com.evil.test',
      'http://localhost:x',
      'http://localhost.evil:1',
      'null',
    ]
    const parts = origins.flatMap((origin) => [
      { method: 'OPTIONS', headers: { origin } },
      { method: 'PUT', headers: { origin } },
    ])
    for (const result of await ask(parts)) {
      const names = Object.keys(responseOf(result).headers)
      expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([])
      expect(responseOf(result).headers.vary?.value).toMatch(/^Origin\b/)
    }
  })
})

describeWithNjs('the problems of the guard', () => {
  it('are the rows of the one table, with the headers of every generated response', async () => {
    const settings = { ...rangeOnly, corp: 'cross-origin' }
    const origin = { origin: 'https://app.example.com' }
    const parts: [EdgeErrorCode, RequestParts][] = [
      ['ERR_PATH_RESERVED', { uri: '/users/a@b/x', headers: origin }],
      ['ERR_PATH_NOT_CANONICAL', { uri: '/users//x', headers: origin }],
      ['ERR_METHOD_NOT_ALLOWED', { method: 'PUT', headers: origin }],
      ['ERR_NOT_FOUND', { uri: '/_state/x', headers: origin }],
      ['ERR_FETCH_DESTINATION', { headers: { ...origin, 'sec-fetch-dest': 'script' } }],
      ['ERR_RANGE_REQUIRED', { uri: '/users/alice/range-only/x', headers: origin }],
      ['ERR_RANGE_MULTIPLE', { headers: { ...origin, range: 'bytes=0-1,3-4' } }],
    ]
    const results = await ask(
      parts.map(([, part]) => part),
      settings,
    )
    for (const [i, [code]] of parts.entries()) {
      const response = responseOf(results[i])
      expect(response.statusCode).toBe(problems[code][0])
      expect(response.body).toEqual({ encoding: 'text', data: problemResponse(code).body })
      expect(response.headers).toMatchObject(
        valuesOf({
          ...Object.fromEntries(problemResponse(code).headers),
          'access-control-allow-credentials': 'true',
          'access-control-allow-origin': 'https://app.example.com',
          'cross-origin-resource-policy': 'cross-origin',
          vary: 'Origin',
        }),
      )
      const ofRanges = ['accept-ranges', 'access-control-expose-headers'].map((name) => response.headers[name]?.value)
      expect(ofRanges).toEqual(code === 'ERR_RANGE_MULTIPLE' ? ['bytes', 'Accept-Ranges'] : [undefined, undefined])
    }
  })
})

describeWithNjs('the range check of the guard', () => {
  const get = (range: string | undefined, uri = '/users/alice/x', method = 'GET'): RequestParts => ({
    ...{ method, uri },
    headers: range === undefined ? {} : { range },
  })

  it('refuses more than one range', async () => {
    const parts = [get('bytes=0-1,5-6'), get('bytes=0-1, -5'), get('bytes=0-1,5-6', '/public/x')]
    expect(await codes(parts)).toEqual(parts.map(() => 'ERR_RANGE_MULTIPLE'))
    expect(await codes([get('bytes=0-1'), get('bytes=5-'), get('bytes=-5'), get(undefined)])).toEqual(
      Array(4).fill('passed'),
    )
  })

  it('refuses more than one Range line', async () => {
    const event = viewerRequestEvent({ headers: { range: 'bytes=0-1' } })
    event.request.headers.range = { value: 'bytes=0-1', multiValue: [{ value: 'bytes=0-1' }, { value: 'bytes=5-6' }] }
    const [result] = await runFunction(await buildGuard(), [event])
    expect(responseOf(result).statusCode).toBe(416)
  })

  it('wants a range that S3 honours below a range-only prefix', async () => {
    const file = '/users/alice/range-only/disk.img'
    const whole = [undefined, 'bytes=', 'bytes=5-2', 'items=0-1', 'bytes=a-b', 'bytes=-', '0-1'].map((r) =>
      get(r, file),
    )
    expect(await codes(whole, rangeOnly)).toEqual(whole.map(() => 'ERR_RANGE_REQUIRED'))
    const parts = ['bytes=0-', 'bytes=0-0', 'bytes=9-10', 'bytes=-5', 'BYTES=0-1'].map((range) => get(range, file))
    expect(await codes(parts, rangeOnly)).toEqual(parts.map(() => 'passed'))
    const elsewhere = [get(undefined, file, 'HEAD'), get(undefined, '/users/alice/range-only2/x'), get(undefined)]
    expect(await codes(elsewhere, rangeOnly)).toEqual(elsewhere.map(() => 'passed'))
  })

  it('compares a range-only prefix in one form', async () => {
    const forms = ['/public/old%20(1)/x', '/public/old%20%281%29/x'].map((uri) => get(undefined, uri))
    expect(await codes(forms, rangeOnly)).toEqual(['ERR_RANGE_REQUIRED', 'ERR_RANGE_REQUIRED'])
  })

  it('stops packaging where no path can have the prefix', async () => {
    await expect(buildGuard({ rangeOnly: ['/users/../x/'] })).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })
})
