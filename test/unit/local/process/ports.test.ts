import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { hasIpv6Loopback, holdPort } from '../../../../local/process/ports.ts'

const open: Array<() => void> = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

it('keeps a port from everybody else until it is let go', async () => {
  const held = await holdPort(0, hasIpv6Loopback())
  await expect(holdPort(held.port, false)).rejects.toThrow(`Port ${held.port} is taken (127.0.0.1)`)
  await held.release()
  await held.release()
  const again = await holdPort(held.port, hasIpv6Loopback())
  expect(again.port).toBe(held.port)
  await again.release()
})

it.skipIf(!hasIpv6Loopback())(
  'looks at every loopback address, and lets go of the first where the second is taken',
  async () => {
    const other = await listening(createServer().listen(0, '::1'))
    await expect(holdPort(other, true)).rejects.toThrow(`Port ${other} is taken (::1)`)
    const first = await holdPort(other, false)
    await first.release()
  },
)

it('answers nobody while it is held', async () => {
  const { port, release } = await holdPort(0, false)
  const client = connect(port, '127.0.0.1')
  open.push(() => client.destroy())
  client.resume()
  await once(client, 'close')
  expect(client.bytesRead).toBe(0)
  await release()
})

async function listening(server: Server): Promise<number> {
  open.push(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
