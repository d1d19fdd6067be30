/** The TLS of the single server, as any client on the internet finds it. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type SecureVersion, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prepareServe, type ServeProcess, serveHost } from '../../support/serve-process.ts'

/** Certificates of every kind that authorities issue. */
const keys: Record<string, readonly string[]> = {
  ECDSA: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  RSA: ['-newkey', 'rsa:2048'],
}

describe.each(Object.keys(keys))('the single server with an %s certificate', (kind) => {
  let server: ServeProcess
  beforeAll(async () => {
    server = await prepareServe()
    const [certificate, key] = [join(server.directory, 'tls/tls.crt'), join(server.directory, 'tls/tls.key')]
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', ...(keys[kind] ?? []), '-noenc', '-days', '2', '-subj', '/CN=test'],
        ...['-addext', `subjectAltName=DNS:${serveHost}`, '-keyout', key, '-out', certificate],
      ],
      { stdio: 'pipe' },
    )
    await server.start()
  })
  afterAll(async () => {
    await server?.stop()
    server?.remove()
  })

  /** Returns the protocol and suite that are agreed on; rejects with the code of the refusal. */
  async function handshake(options: ConnectionOptions): Promise<{ protocol: string; suite: string }> {
    const socket = await new Promise<TLSSocket>((resolve, reject) => {
      const common = { host: '127.0.0.1', port: server.port, servername: serveHost, rejectUnauthorized: false }
      const connection = connect({ ...common, ...options }, () => resolve(connection))
      connection.once('error', reject)
    })
    const agreed = { protocol: socket.getProtocol() ?? '', suite: socket.getCipher().name }
    socket.destroy()
    return agreed
  }
  /** The same where nothing is left out that a client could offer, old protocols among it. */
  const offering = (version: SecureVersion, ciphers = 'ALL:@SECLEVEL=0') =>
    handshake({ minVersion: version, maxVersion: version, ciphers })

  it('speaks TLS 1.3 with its name and with any other', async () => {
    expect((await handshake({})).protocol).toBe('TLSv1.3')
    expect((await handshake({ servername: 'other.example.test' })).protocol).toBe('TLSv1.3')
  })

  it('speaks TLS 1.2, and nothing older', async () => {
    expect((await offering('TLSv1.2')).protocol).toBe('TLSv1.2')
    for (const version of ['TLSv1.1', 'TLSv1'] as const) {
      await expect(offering(version), version).rejects.toThrow(/alert protocol version|unsupported protocol/i)
    }
  })

  it('agrees only on suites with forward secrecy and authenticated encryption', async () => {
    const known = String(execFileSync('openssl', ['ciphers', '-tls1_2', '-s', 'ALL:@SECLEVEL=0']))
      .trim()
      .split(':')
    expect(known.length).toBeGreaterThan(20)
    const agreed: string[] = []
    for (const suite of known) {
      await offering('TLSv1.2', `${suite}:@SECLEVEL=0`).then(
        () => agreed.push(suite),
        () => {},
      )
    }
    expect(agreed.length).toBeGreaterThanOrEqual(3)
    expect(agreed.filter((suite) => !/^ECDHE-.*(GCM|CHACHA20-POLY1305)/.test(suite))).toEqual([])
  })

  it('refuses to resume with a ticket: one key would open every recorded connection', async () => {
    let session: Buffer | undefined
    const socket = connect({
      ...{ host: '127.0.0.1', port: server.port, servername: serveHost, rejectUnauthorized: false },
      maxVersion: 'TLSv1.2',
    })
    socket.on('session', (given) => {
      session = given
    })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    expect(socket.getTLSTicket()).toBeUndefined()
    socket.destroy()
    // The server's own memory may be used.
    expect(session).toBeDefined()
  })

  it('answers a wrong name with 421', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      const { status, headers, text } = await server.send({ path: '/public/logo.txt', name: 'other.example.test' })
      expect([status, JSON.parse(text).code]).toEqual([421, 'ERR_MISDIRECTED'])
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect((await server.send({ path: '/public/logo.txt' })).status).toBe(200)
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
  })
})
