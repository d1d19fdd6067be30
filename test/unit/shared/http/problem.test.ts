import { describe, expect, test } from 'vitest'
import { type ErrorCode, problems } from '../../../../shared/errors.ts'
import { problemResponse } from '../../../../shared/http/problem.ts'

describe('problemResponse', () => {
  test.each(Object.keys(problems) as ErrorCode[])('%s', (code) => {
    const [status, title, detail] = problems[code]
    const response = problemResponse(code, [['allow', 'GET']])
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
