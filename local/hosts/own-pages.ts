import { createServer, type Server } from 'node:http'
import { devLoginPath } from './dev-login.ts'

/** Where the overview page is. */
export const overviewPath = '/dev/'

/** Where a running stage says what it is. */
export const stagePath = '/dev/stage'

/** What runs, as `stagePath` tells it to programs such as `edge-signer doctor`. */
export interface StageFacts {
  /** The process to end. */
  readonly process: number
  readonly enforcement: 'key-group' | 'gate'
}

/** Everything that the emulation serves beside the distribution: the sign-in, and two pages that say what is where. */
export function createOwnPages(login: Server, facts: StageFacts): Server {
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    const [path] = (request.url ?? '').split('?')
    if (path === stagePath) {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      return void response.end(JSON.stringify(facts))
    }
    if (path !== overviewPath) return void login.emit('request', request, response)
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    })
    response.end(overview)
  })
}

const overview = [
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Edge Signer, local</title>',
  '<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}code{background:#8882}</style>',
  '<h1>Edge Signer, local</h1><ol>',
  `<li><a href="${devLoginPath}?sub=alice&amp;return=${overviewPath}">Sign in as alice</a>, or <a href="${devLoginPath}">as anybody</a></li>`,
  '<li><a href="/_edge/session">Mint cookies</a></li>',
  '<li><a href="/users/alice/notes.txt">Read a file of alice</a></li>',
  '<li><a href="/users/bob/notes.txt">Be refused one of bob</a></li>',
  '<li><a href="/_edge/session/end?return=/_edge/session">Sign out</a></li></ol></html>',
].join('\n')
