import { describe, expect, it } from 'vitest'
import { createCloudFrontKeys } from '../../../../../shared/aws/sdk/cloudfront-keys.ts'
import { clientsOf, MemoryAws } from '../../../../torture/lifecycle/aws/memory-aws.ts'

/** An account whose lists show the state of this many milliseconds ago. */
function account() {
  const lists = { lagMs: 0 }
  const aws = new MemoryAws({ lagMs: () => lists.lagMs, conflict: () => 'PreconditionFailed' })
  let now = 1_800_000_000_000
  const clients = clientsOf(async (command) => {
    now += 100
    return aws.execute(command, now)
  })
  const id = aws.cloudFront.addKey('key', 'svc/dev/keys', 'pem', now)
  return { aws, lists, clients, group: { name: 'svc-dev-keys', comment: 'svc/dev/keys', keyPairIds: [id] } }
}

describe('findKeyGroup', () => {
  it('finds a group that it has made or seen, also where a list is older than that', async () => {
    const { lists, clients, group } = account()
    const maker = createCloudFrontKeys(clients.cloudFront)
    const made = await maker.createKeyGroup(group)
    const reader = createCloudFrontKeys(clients.cloudFront)
    expect(await reader.findKeyGroup(group.name)).toEqual(made)
    lists.lagMs = 60_000
    expect(await maker.findKeyGroup(group.name)).toEqual(made)
    expect(await reader.findKeyGroup(group.name)).toEqual(made)
    expect(await createCloudFrontKeys(clients.cloudFront).findKeyGroup(group.name)).toBeUndefined()
  })

  it('finds the group that another run has put in the place of one that is gone', async () => {
    const { clients, group } = account()
    const keys = createCloudFrontKeys(clients.cloudFront)
    const first = await keys.createKeyGroup(group)
    const other = createCloudFrontKeys(clients.cloudFront)
    const seen = await other.findKeyGroup(group.name)
    expect(seen && (await other.deleteKeyGroup(seen))).toBe('deleted')
    expect(await keys.findKeyGroup(group.name)).toBeUndefined()
    const second = await other.createKeyGroup(group)
    expect(second).not.toEqual(first)
    expect(await keys.findKeyGroup(group.name)).toEqual(second)
  })
})
