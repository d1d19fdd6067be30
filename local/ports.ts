import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { LocalError } from './local-error.ts'

/** Whether this machine has the IPv6 loopback address. */
export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
}

/**
 * Makes sure that a port is free on every loopback address; 0 chooses one.
 *
 * @throws LocalError naming the address that is taken.
 */
export async function reservePort(port: number, ipv6: boolean): Promise<number> {
  const addresses = ['127.0.0.1', ...(ipv6 ? ['::1'] : [])]
  for (let tried = 0; ; tried++) {
    const chosen = port === 0 ? await freePort() : port
    const taken = await firstTaken(addresses, chosen)
    if (taken === undefined) return chosen
    if (port !== 0 || tried === 20) throw taken
  }
}

/** Waits until something accepts connections there, or `ended` says that nothing will. */
export async function waitForPort(port: number, ended: Promise<string>): Promise<void> {
  let why: string | undefined
  void ended.then((reason) => {
    why = reason
  })
  while (!(await accepts(port))) {
    if (why !== undefined) throw new LocalError(`nginx ended at its start (${why}).`)
    await delay(20)
  }
}

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new LocalError('No port of 127.0.0.1 is free.')
  return address.port
}

async function firstTaken(addresses: readonly string[], port: number): Promise<LocalError | undefined> {
  for (const address of addresses) {
    const server = createServer()
    const fault = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve)
      server.listen(port, address, () => server.close(() => resolve(undefined)))
    })
    if (fault?.code === 'EADDRINUSE')
      return new LocalError(`Port ${port} is taken (${address}). Stop what uses it, or choose another with --port.`)
    if (fault?.code === 'EACCES') return new LocalError(`Port ${port} needs root. Choose one above 1023 with --port.`)
    if (fault !== undefined) return new LocalError(`Port ${port} cannot be used on ${address}: ${fault.message}`)
  }
  return undefined
}

function accepts(address: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof address === 'string' ? connect(address) : connect(address, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Waits until something accepts connections on a unix socket, or `ended` says that nothing will. */
export async function waitForSocket(socket: string, ended: Promise<string>): Promise<void> {
  let why: string | undefined
  void ended.then((reason) => {
    why = reason
  })
  while (!(await accepts(socket))) {
    if (why !== undefined) throw new LocalError(`A server ended at its start (${why}).`)
    await delay(10)
  }
}
