import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { headersFunctionConfig } from '../../../../functions/headers/config.ts'
import { buildCloudFrontFunction } from '../../../../infra/build/cloudfront-function.ts'
import type { FunctionResponse, FunctionValues } from '../../../../shared/cloudfront/function-event.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'
import { activePolicy, contentPolicy } from '../../../../shared/read/answer-headers.ts'
import { valuesOf, viewerResponseEvent } from '../../../support/function-events.ts'
import { describeWithNjs, runFunction } from '../../../support/njs.ts'

async function buildHeaders(settings: Partial<StageConfigInput> = {}): Promise<string> {
  const session = { algorithms: ['HS256' as const], issuer: null, audience: null }
  const defaults = { session, grants: ['/users/{sub}/*'] }
  const deployment = parseDeployment({ service: 'edge-signer', defaults, stages: { test: settings } }, 'test')
  return buildCloudFrontFunction({
    entry: fileURLToPath(new URL('../../../../functions/headers/handler.ts', import.meta.url)),
    config: headersFunctionConfig(deployment),
  })
}

interface Answer {
  readonly uri?: string
  readonly headers?: Record<string, string>
  readonly values?: FunctionValues
  readonly status?: number
}

async function respond(answers: readonly Answer[], settings = {}): Promise<FunctionResponse[]> {
  const events = answers.map(({ uri = '/users/alice/x', headers = {}, values = valuesOf(headers), status }) =>
    viewerResponseEvent(uri, values, status),
  )
  return runFunction<FunctionResponse>(await buildHeaders(settings), events)
}

const header = (name: string) => (response: FunctionResponse) => response.headers[name]?.value

describeWithNjs('the headers function', () => {
  it('finishes before it returns, as the header filter of nginx needs', async () => {
    const code = await buildHeaders()
    expect(code).toMatch(/(^|[;}])function handler\(/)
    expect(code).not.toMatch(/async|await|Promise/)
  })

  it('writes the headers of a private file, whatever the origin sent', async () => {
    const sent = {
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=9',
      expires: 'x',
      etag: '"1"',
    }
    const [response] = await respond([{ headers: sent, status: 206 }])
    expect(response).toMatchObject({ statusCode: 206 })
    expect(response?.headers).toEqual(
      valuesOf({
        'accept-ranges': 'bytes',
        'cache-control': 'private, no-cache, no-transform',
        'content-security-policy': contentPolicy,
        'content-type': 'application/octet-stream',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-site',
        'referrer-policy': 'no-referrer',
        vary: 'Origin, Sec-Fetch-Dest',
        etag: '"1"',
        'x-content-type-options': 'nosniff',
      }),
    )
  })

  it('lets a stage choose how long a browser keeps private files, and who may embed them', async () => {
    const [response] = await respond([{}], { browserCache: 60, corp: 'cross-origin' })
    expect(response?.headers['cache-control']?.value).toBe('private, max-age=60, no-transform')
    expect(response?.headers['cross-origin-resource-policy']?.value).toBe('cross-origin')
  })

  it('takes only /public/ for public', async () => {
    const headers = { 'cache-control': 'public, max-age=9' }
    const answers = ['/public', '/publicity/x', '/users/public/x', '/new/x'].map((uri) => ({ uri, headers }))
    const values = (await respond(answers)).map(header('cache-control'))
    expect(values).toEqual(answers.map(() => 'private, no-cache, no-transform'))
  })

  it('adds no-transform to what the origin sent for a public file', async () => {
    const cases: [string | undefined, string][] = [
      ['public, max-age=31536000, immutable', 'public, max-age=31536000, immutable, no-transform'],
      ['public, No-Transform, max-age=1', 'public, No-Transform, max-age=1'],
      ['no-transform', 'no-transform'],
      ['x-no-transform-y', 'x-no-transform-y, no-transform'],
      ['', 'no-transform'],
      [undefined, 'no-transform'],
    ]
    const answers = cases.map(([value]) => ({
      uri: '/public/x',
      headers: value === undefined ? {} : { 'cache-control': value },
    }))
    expect((await respond(answers)).map(header('cache-control'))).toEqual(cases.map(([, expected]) => expected))
    const lines = { 'cache-control': { value: 'public', multiValue: [{ value: 'public' }, { value: 'max-age=1' }] } }
    const [joined] = await respond([{ uri: '/public/x', values: lines }])
    expect(joined?.headers['cache-control']).toEqual({ value: 'public, max-age=1, no-transform' })
  })

  it('makes a browser save what it would run', async () => {
    const active = [
      ...[
        'text/html',
        'TEXT/HTML; charset=utf-8',
        ' text/html',
        'text/html,x',
        'application/xhtml+xml',
        'image/svg+xml',
      ],
      ...[
        'text/xml',
        'application/xml',
        'application/rss+xml',
        'application/vnd.x.y+xml;q',
        'text/xsl',
        'application/xslt+xml',
      ],
      ...[
        'text/javascript',
        'application/javascript',
        'application/x-javascript',
        'text/ecmascript',
        'text/javascript1.5',
      ],
      ...['application/ecmascript', 'text/jscript', 'text/livescript', 'multipart/x-mixed-replace; boundary=x'],
    ]
    const passive = [
      'application/octet-stream',
      'image/png',
      'text/plain; charset=utf-8',
      'text/plain; charset=iso-8859-1',
      'video/mp4',
      'application/json',
      'text/html2; charset=utf-8',
      'text/css; charset=utf-8',
    ]
    const answers = [...active, ...passive].map((type) => ({ headers: { 'content-type': type } }))
    const responses = await respond(answers)
    expect(responses.map(header('content-disposition'))).toEqual([
      ...active.map(() => 'attachment'),
      ...passive.map(() => undefined),
    ])
    expect(responses.map(header('content-security-policy'))).toEqual([
      ...active.map(() => activePolicy),
      ...passive.map(() => contentPolicy),
    ])
    expect(responses.map(header('content-type'))).toEqual([...active, ...passive])
  })

  it('calls text without a charset UTF-8, and leaves every other type', async () => {
    const types = [
      'text/plain',
      'text/csv; header=present',
      'TEXT/Markdown;',
      'application/json',
      'text/x; charset=big5',
    ]
    const responses = await respond(types.map((type) => ({ headers: { 'content-type': type } })))
    expect(responses.map(header('content-type'))).toEqual([
      'text/plain; charset=utf-8',
      'text/csv; header=present; charset=utf-8',
      'TEXT/Markdown; charset=utf-8',
      'application/json',
      'text/x; charset=big5',
    ])
  })

  it('makes public and partial files of active types safe too, and 304 keeps what the browser has', async () => {
    const headers = { 'content-type': 'text/html' }
    const [shown, partial, unchanged] = await respond([
      { uri: '/public/x', headers },
      { headers, status: 206 },
      { status: 304 },
    ])
    expect(shown?.headers['content-disposition']?.value).toBe('attachment')
    expect(partial?.headers['content-disposition']?.value).toBe('attachment')
    expect(Object.keys(unchanged?.headers ?? {}).filter((name) => /^content-(type|disp)|^accept/.test(name))).toEqual(
      [],
    )
  })

  it('keeps the file name and nothing else of a Content-Disposition', async () => {
    const cases = [
      ['inline; filename="a.html"', 'attachment; filename="a.html"'],
      ['attachment; filename=a.html', 'attachment; filename=a.html'],
      [
        'inline;filename="a;b.html"; filename*=UTF-8\'\'%e2%82%ac.html',
        'attachment; filename="a;b.html"; filename*=UTF-8\'\'%e2%82%ac.html',
      ],
      ['inline; filename="a\\"b.html"', 'attachment; filename="a\\"b.html"'],
      ['inline; size=4', 'attachment'],
      ['inline', 'attachment'],
      ['', 'attachment'],
      ['attachment; filename="unfinished', 'attachment'],
    ] as const
    const answers = cases.map(([value]) => ({ headers: { 'content-type': 'text/html', 'content-disposition': value } }))
    expect((await respond(answers)).map(header('content-disposition'))).toEqual(cases.map(([, expected]) => expected))
    const [image] = await respond([
      { headers: { 'content-type': 'image/png', 'content-disposition': 'inline; filename=a' } },
    ])
    expect(image?.headers['content-disposition']?.value).toBe('inline; filename=a')
  })

  it('leaves nothing to guess where the type is missing or unknown', async () => {
    const types = [undefined, '', 'x', 'unknown/unknown', 'application/unknown', '*/*', 'image/png, text/html']
    const answers = types.map((type) => ({ headers: type === undefined ? {} : { 'content-type': type } }))
    expect((await respond(answers)).map(header('content-type'))).toEqual(types.map(() => 'application/octet-stream'))
  })

  it('says Accept-Ranges where a file comes', async () => {
    const answers = [200, 206, 304].map((status) => ({ status }))
    const values = (await respond(answers)).map(header('accept-ranges'))
    expect(values).toEqual(['bytes', 'bytes', undefined])
  })

  it('tells caches that answers depend on the origin and on the destination, once each', async () => {
    const answers = ['Accept-Encoding', 'origin', 'Accept, Origin', '*'].map((vary) => ({ headers: { vary } }))
    const values = (await respond([{}, ...answers])).map(header('vary'))
    expect(values).toEqual([
      'Origin, Sec-Fetch-Dest',
      'Accept-Encoding, Origin, Sec-Fetch-Dest',
      'origin, Sec-Fetch-Dest',
      'Accept, Origin, Sec-Fetch-Dest',
      '*',
    ])
  })

  it('leaves CORS and the encoding as they are', async () => {
    const headers = {
      'access-control-allow-credentials': 'true',
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-expose-headers': 'ETag',
      'content-encoding': 'gzip',
      vary: 'Origin',
    }
    const [response] = await respond([{ headers }])
    expect(response?.headers).toMatchObject(valuesOf({ ...headers, vary: 'Origin, Sec-Fetch-Dest' }))
  })

  it('saves a file under the name that a download URL asks for, and lets nothing else in', async () => {
    const named = (value: string) => {
      const event = viewerResponseEvent('/users/alice/x', valuesOf({ 'content-type': 'text/html' }), 200)
      event.request.querystring = { 'response-content-disposition': { value: encodeURIComponent(value) } }
      return event
    }
    const wanted = "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"
    // In njs `$` matches before a final line feed.
    const events = [named(wanted), named('inline'), named('attachment; filename="x"; y'), named(`${wanted}\n`)]
    const answers = await runFunction<FunctionResponse>(await buildHeaders(), events)
    expect(answers.map(header('content-disposition'))).toEqual([wanted, 'attachment', 'attachment', 'attachment'])
  })
})
