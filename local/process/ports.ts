import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { LocalError } from '../local-error.ts'

/** Returns true if this machine has the IPv6 loopback address. */
export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'))
}

/** Returns the hard limit of open files for this process and its children. */
export function openFileLimit(): number {
  try {
    return Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? fewFiles)
  } catch {
    return fewFiles
  }
}

/** A limit that every system allows. */
const fewFiles = 4096

/** Max pending connections of a server. Node's default, 511, is too low for a burst of readers. */
export const socketBacklog = 4096

/**
 * A port that this process listens on until its server starts. If the port were only checked, another program could take it in the
 * meantime and be mistaken for the server.
 */
export interface HeldPort {
  readonly port: number
  /** Stops listening, for the server that starts now. Safe to call twice. */
  release(): Promise<void>
}

/**
 * Listens on a port of every loopback address; 0 chooses a free one.
 *
 * @throws LocalError naming the address whose port is taken.
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

/** Waits until a server accepts connections on a unix socket. @throws LocalError if `ended` resolves first. */
export async function waitForSocket(socket: string, ended: Promise<string>): Promise<void> {
  await waitUntil(() => accepts(socket), 'A server', ended)
}

/** Calls `isReady` every 10 ms until it returns true. @throws LocalError if `ended` resolves first. */
export async function waitUntil(isReady: () => Promise<boolean>, name: string, ended: Promise<string>): Promise<void> {
  let why: string | undefined
  void ended.then((reason) => {
    why = reason
  })
  while (!(await isReady())) {
    if (why !== undefined) throw new LocalError(`${name} ended at its start (${why}).`)
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
