import type { HttpRequest } from '../../../../shared/http/message.ts'

/** A request with these parts over plain ones. */
export function request(parts: Partial<HttpRequest> = {}): HttpRequest {
  const plain = {
    method: 'GET',
    host: 'cdn.example.com',
    path: '/',
    querystring: '',
    headers: {},
    clientIp: '203.0.113.7',
  }
  return { ...plain, ...parts }
}
