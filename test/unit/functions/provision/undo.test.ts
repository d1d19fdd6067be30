import { expect, it } from 'vitest'
import type { ProvisionStores } from '../../../../functions/provision/stores.ts'
import { UndoList } from '../../../../functions/provision/undo.ts'

it('takes back what was made last first, and tells what it could not', async () => {
  const undo = new UndoList()
  const order: string[] = []
  const lines: string[] = []
  undo.add('secret', async () => void order.push('secret'))
  undo.add('public key', async () => 'in-use')
  undo.add('key group', async () => {
    throw new TypeError('secret text')
  })
  undo.add('other key', async () => {
    order.push('other key')
    return 'deleted'
  })
  await undo.run(
    () => ({}) as ProvisionStores,
    (line) => lines.push(line),
  )
  expect(order).toEqual(['other key', 'secret'])
  expect(lines).toEqual([
    'other key: taken back',
    'key group: could not be taken back (TypeError)',
    'secret: taken back',
    'public key: is in use and was left',
  ])
})

it('tries what is in use once more when all else is gone, and forgets what was not made', async () => {
  const undo = new UndoList()
  const lines: string[] = []
  let isSecretThere = true
  undo.add('secret', async () => {
    isSecretThere = false
  })
  undo.add('public key', async () => (isSecretThere ? 'in-use' : 'deleted'))
  undo.add('secret of another run', async () => expect.unreachable())()
  await undo.run(
    () => ({}) as ProvisionStores,
    (line) => lines.push(line),
  )
  expect(lines).toEqual(['secret: taken back', 'public key: taken back'])
})
