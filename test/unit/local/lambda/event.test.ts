import type { CloudFrontRequest } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { readResult, viewerRequestEvent } from '../../../../local/lambda/event.ts'

const viewer = {
  method: 'GET',
  rawHeaders: [],
  clientIp: '192.0.2.1',
  requestId: 'r',
  distributionId: 'd',
  body: undefined,
}
const requestOf = (target: string) => viewerRequestEvent({ ...viewer, target }).Records[0]?.cf.request

describe('viewerRequestEvent', () => {
  it.each([
    ['/a', '/a', ''],
    ['/a?b=c?d', '/a', 'b=c?d'],
    ['/a?b#c', '/a', 'b'],
    ['/a#b?c', '/a', ''],
  ])('splits %s as the edge does', (target, uri, querystring) => {
    expect(requestOf(target)).toMatchObject({ uri, querystring })
  })
})

const original: CloudFrontRequest = {
  clientIp: '192.0.2.1',
  method: 'GET',
  uri: '/a',
  querystring: '',
  headers: { host: [{ key: 'Host', value: 'cdn.example.com' }] },
}
const header = (name: string, value = 'v') => ({ status: '200', headers: { [name]: [{ key: name, value }] } })

describe('readResult', () => {
  it('takes a response as it is: each line of a field, text or base64', () => {
    const result = readResult(
      {
        status: '200',
        headers: { 'set-cookie': [{ value: 'a=1' }, { key: 'Set-Cookie', value: 'b=2' }] },
        body: 'aGk=',
        bodyEncoding: 'base64',
      },
      original,
    )
    expect(result).toMatchObject({
      kind: 'response',
      status: 200,
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    })
    expect(result.kind === 'response' && result.body.toString()).toBe('hi')
  })

  it('lets a request go on, changed or not', () => {
    expect(readResult({ ...original, uri: '/b', querystring: 'c=d' }, original)).toMatchObject({
      kind: 'request',
      uri: '/b',
      querystring: 'c=d',
    })
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a status that is a number', { status: 200 }],
    ['status 199', { status: '199' }],
    ['a 204 with a body', { status: '204', body: 'x' }],
    ['a disallowed header', header('connection')],
    ['a header of AWS', header('x-amz-cf-id')],
    ['a header of the edge', header('x-edge-location')],
    ['a read-only header', header('content-length', '3')],
    ['an upper-case name', header('X-Thing')],
    ['a key that is another name', { status: '200', headers: { a: [{ key: 'B', value: 'v' }] } }],
    ['a line break in a value', header('x-thing', 'a\r\nb: c')],
    ['more than 40 KB', { status: '200', body: 'x'.repeat(40 * 1024 + 1) }],
    ['more than 40 KB of headers', header('x-thing', 'x'.repeat(40 * 1024))],
    ['a changed method', { ...original, method: 'POST' }],
    ['a changed Host', { ...original, headers: { host: [{ key: 'Host', value: 'other' }] } }],
    ['a uri without its slash', { ...original, uri: 'b' }],
  ])('refuses %s', (_what, result) => expect(readResult(result, original).kind).toBe('invalid'))

  it('takes a 204 whose body is empty', () => {
    expect(readResult({ status: '204', body: '' }, original).kind).toBe('response')
  })
})
