import type { Stage } from './stage.ts'

/** Faults that outlast a deploy and its rollback; each returns its repair. */
export const persistentFaults: readonly ((stage: Stage) => () => void)[] = [
  (stage) => {
    stage.simulation.tell('fault: the key document is damaged')
    const versions = stage.invariants.secret()?.versions
    const [id, version] = [...(versions ?? [])].find(([, { labels }]) => labels.has('AWSCURRENT')) ?? []
    if (versions === undefined || id === undefined || version === undefined) throw new Error('a document is there')
    versions.set(id, { ...version, text: '{"keys":[' })
    return () => versions.set(id, version)
  },
  (stage) => objectFault(stage, '_state/revocations.json', '{"revocations":['),
  (stage) => objectFault(stage, '_state/owner', 'other/dev'),
  (stage) => {
    stage.simulation.tell('fault: no quota for public keys, and the only key was deleted')
    const { cloudFront } = stage.aws
    cloudFront.maxPublicKeys = cloudFront.keys.size
    const foreign = [...cloudFront.keys.values()].find(({ comment }) => comment !== stage.mark)?.id ?? ''
    const group = cloudFront.groupNamed(stage.groupName)
    stage.invariants.facts.isBrokenByHand = true
    const KeyGroupConfig = { Name: group?.name, Comment: group?.comment, Items: [foreign] }
    const { now } = stage.simulation
    cloudFront.operations.UpdateKeyGroupCommand?.({ Id: group?.id, IfMatch: group?.etag, KeyGroupConfig }, now)
    return () => {
      cloudFront.maxPublicKeys = 20
    }
  },
  (stage) => {
    stage.simulation.tell('fault: the key is held in KMS, and of another algorithm than the stage')
    stage.invariants.facts.isBrokenByHand = true
    const versions = stage.invariants.secret()?.versions
    const [id, version] = [...(versions ?? [])].find(([, { labels }]) => labels.has('AWSCURRENT')) ?? []
    if (versions === undefined || id === undefined || version?.text === undefined)
      throw new Error('a document is there')
    const { now } = stage.simulation
    const pem = rsaPublicKey
    const keyPairId = stage.aws.cloudFront.addKey('by-hand', stage.mark, pem, now)
    const group = stage.aws.cloudFront.groupNamed(stage.groupName)
    const KeyGroupConfig = { Name: group?.name, Comment: group?.comment, Items: [...(group?.items ?? []), keyPairId] }
    stage.aws.cloudFront.operations.UpdateKeyGroupCommand?.(
      { Id: group?.id, IfMatch: group?.etag, KeyGroupConfig },
      now,
    )
    const document = JSON.parse(version.text) as { keys: object[] }
    const notBefore = Math.floor(now / 1000) - 86_400
    const key = { keyPairId, algorithm: 'RS256', kmsKeyId: 'alias/files', publicKey: pem, notBefore }
    const keys = document.keys.map((other) => ({ ...other, notBefore: notBefore - 1 }))
    versions.set(id, { ...version, text: JSON.stringify({ ...document, keys: [...keys, key] }) })
    return () => versions.set(id, version)
  },
]

function objectFault(stage: Stage, key: string, text: string): () => void {
  stage.simulation.tell(`fault: ${key} is damaged`)
  const bucket = stage.aws.buckets.all.get('bucket')
  const before = bucket?.get(key)
  if (bucket === undefined || before === undefined) throw new Error(`${key} is there`)
  bucket.set(key, { text, etag: '"damaged"' })
  return () => bucket.set(key, before)
}

const rsaPublicKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA7KrQ3gt/esVlnfFZrVuf
7Tyad5R99ETYsnjWj1ZcsEQcPRoFROVCOeDeY2QnzB+X61pmvtyN9fSSz4AK+u8T
mDTAoAeKBr3zr/7H7asH8vBva7ZEhZ+QfsAw9xltP+BgCTPmW35IOOr0FLzYEt/X
u9psKLcbhAz/Db0NXSORxMJ/YkHuAZSWnxfR15LbeIXPetkF7kaf7x5buYTcVEA2
hEHobECKj+2A+cbIE+68KFaqsLC7weRHLYFMQSliGA/iSXVDK7FPS4ZyC/1+RRxi
3h14mJ1oAICe7PQxncVL4JCZkCY8Y4cxDHy7POHwB6q9DTj4T0GscwNkksx0vnjy
WwIDAQAB
-----END PUBLIC KEY-----
`
