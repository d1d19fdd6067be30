import http from 'node:http'
import https from 'node:https'
import type { Send } from './message.ts'

/** Characters of an answer: far more than a secret, a state object or a key set has. */
const maxAnswerLength = 2 ** 20

/** A connection is kept for the next request: a further TLS handshake costs more CPU than everything else. */
const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) }

/**
 * Sends by `node:https`. The first global `fetch` of a process takes three times the CPU, which a Lambda function of 128 MB waits
 * a second for.
 */
export const send: Send = ({ url, method, headers, body = '' }, timeoutMs) =>
  new Promise((resolve, reject) => {
    // Looked up at each call, so that a host process can stand in for the network.
    const [client, agent] = url.startsWith('http:') ? [http, agents.http] : [https, agents.https]
    const length = { 'content-length': String(Buffer.byteLength(body)) }
    const request = client.request(
      url,
      { method, headers: { ...headers, ...(method === 'POST' ? length : {}) }, agent },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
          if (text.length > maxAnswerLength) request.destroy(new Error('the answer is too long'))
        })
        response.on('end', () => settle(() => resolve({ status: response.statusCode ?? 0, body: text })))
        response.on('error', fail)
        response.on('close', () => fail(new Error('the answer was cut short')))
      },
    )
    // A function that had no CPU for a while finds its timer due and the answer waiting: what has arrived is read first.
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => fail(new Error('timed out')))), timeoutMs)
    const settle = (end: () => void) => {
      clearTimeout(timer)
      end()
    }
    const fail = (error: Error) => {
      settle(() => reject(error))
      request.destroy()
    }
    request.on('error', fail)
    request.end(body)
  })
