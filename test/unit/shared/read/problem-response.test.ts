import { describe, expect, test } from 'vitest'
import {
  type EdgeErrorCode,
  EdgeSignerError,
  type ErrorCode,
  edgeCodeOf,
  edgeProblems,
  messageOf,
  problems,
} from '../../../../shared/errors.ts'
import { problemResponse, writeProblem } from '../../../../shared/read/problem-response.ts'

describe('a problem', () => {
  test.each(Object.keys(problems) as ErrorCode[])('%s', (code) => {
    const [status, title, detail] = problems[code]
    const response = writeProblem(code, problems[code], [['allow', 'GET']])
    expect(response.status).toBe(status)
    expect(JSON.parse(response.body)).toEqual({ type: `urn:edge-signer:${code}`, title, status, detail, code })
    const headers = new Map(response.headers)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('allow')).toBe('GET')
    expect(headers.has('www-authenticate')).toBe(status === 401)
    expect(headers.has('retry-after')).toBe(status === 503)
  })
})

describe('at the edge', () => {
  test.each(Object.keys(edgeProblems) as EdgeErrorCode[])('%s is answered with its own text', (code) => {
    expect(problemResponse(code)).toEqual(writeProblem(code, problems[code]))
    expect(edgeCodeOf(new EdgeSignerError(code))).toBe(code)
  })

  test('a code of the API, and a foreign error, is an internal error', () => {
    expect(edgeCodeOf(new EdgeSignerError('ERR_QUOTA'))).toBe('ERR_INTERNAL')
    expect(edgeCodeOf(new TypeError('ERR_NOT_FOUND'))).toBe('ERR_INTERNAL')
    expect(edgeCodeOf(undefined)).toBe('ERR_INTERNAL')
  })
})

test('an operator reads what an error says, else the text of its code', () => {
  expect(messageOf(new EdgeSignerError('ERR_QUOTA'))).toBe(problems.ERR_QUOTA[2])
  expect(messageOf(new EdgeSignerError('ERR_QUOTA', 'the disk is full'))).toBe('the disk is full')
})
