import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { LocalError } from './local-error.ts'

/** Whether this machine has the IPv6 loopback address. */
export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
}

/**
 * A port that is listened on, so that nobody else is given it while its server is being prepared: a port that was only looked at
 * may belong to another program seconds later, and would then be taken for ours.
 */
export interface HeldPort {
  readonly port: number
  /** Lets go of it, for the server that starts now. Safe to call twice. */
  release(): Promise<void>
}

/**
 * Takes a port on every loopback address; 0 chooses one.
 *
 * @throws LocalError naming the address that is taken.
 */
export async function holdPort(port: number, ipv6: boolean): Promise<HeldPort> {
  for (let tried = 0; ; tried++) {
    const held: Server[] = []
    const release = async () => {
      await Promise.all(held.splice(0).map(closed))
    }
    try {
      const first = await listen(port, '127.0.0.1')
      held.push(first)
      const chosen = portOf(first)
      if (ipv6) held.push(await listen(chosen, '::1'))
      return { port: chosen, release }
    } catch (error) {
      await release()
      if (port !== 0 || tried === 20) throw error
    }
  }
}

/** Waits until something accepts connections on a unix socket, or `ended` says that nothing will. */
export async function waitForSocket(socket: string, ended: Promise<string>): Promise<void> {
  await waitUntil(() => accepts(socket), 'A server', ended)
}

/** Asks every 10 ms until the answer is yes. @throws LocalError where `ended` says that it never will be. */
export async function waitUntil(isReady: () => Promise<boolean>, who: string, ended: Promise<string>): Promise<void> {
  let why: string | undefined
  void ended.then((reason) => {
    why = reason
  })
  while (!(await isReady())) {
    if (why !== undefined) throw new LocalError(`${who} ended at its start (${why}).`)
    await delay(10)
  }
}

async function listen(port: number, address: string): Promise<Server> {
  const server = createServer((connection) => connection.destroy())
  const fault = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    server.once('error', resolve)
    server.listen(port, address, () => resolve(undefined))
  })
  if (fault === undefined) return server
  if (fault.code === 'EADDRINUSE')
    throw new LocalError(`Port ${port} is taken (${address}). Stop what uses it, or choose another with --port.`)
  if (fault.code === 'EACCES') throw new LocalError(`Port ${port} needs root. Choose one above 1023 with --port.`)
  throw new LocalError(`Port ${port} cannot be used on ${address}: ${fault.message}`)
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
