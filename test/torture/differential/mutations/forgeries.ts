import type { Random } from '../../random.ts'
import { type Draft, randomClaim, signatureFields, toUrlBase64 } from '../draft.ts'
import { changeNamed, custom, type Mutation, signed } from './mutation.ts'

/** Signatures that do not belong to their policy, key or hash, and base64 that is spelt in other ways. */

/** The fields of a wide policy that nobody has signed. */
function wide(draft: Draft): string {
  const { host, now } = draft.claim
  const condition = `{"DateLessThan":{"AWS:EpochTime":${now + 3600}}}`
  return toUrlBase64(Buffer.from(`{"Statement":[{"Resource":"https://${host}/*","Condition":${condition}}]}`))
}

const value = (draft: Draft, name: string) => draft.fields.find(([own]) => own === name)?.[1] ?? ''

/** A good signature for something else: another user's file, or the own one with an end in the past. */
function otherFields(draft: Draft, random: Random): [string, string][] {
  const { claim } = draft
  const other = { ...randomClaim(claim.stage, random, claim.now), via: claim.via, key: claim.key, hash: claim.hash }
  if (random.chance(0.5)) {
    other.resource = claim.resource
    other.expires = String(claim.now - 3600)
  }
  return signatureFields(other)
}

export const forgeryMutations: readonly Mutation[] = [
  {
    kind: 'forgery: a key that nobody trusts',
    vias: signed,
    claim: (claim, random) => {
      const stranger = random.pick(claim.stage.strangers)
      claim.hash = stranger.algorithm === 'RS1' ? 'SHA1' : 'SHA256'
      claim.key = random.chance(0.5) ? stranger : { ...stranger, id: claim.key.id }
    },
  },
  {
    kind: 'forgery: the id of another trusted key',
    vias: signed,
    draft: (draft, random) => changeNamed(draft, 'Key-Pair-Id', () => random.pick(draft.claim.stage.trusted).id),
  },
  {
    kind: 'forgery: an odd key pair id',
    vias: signed,
    draft: (draft, random) => {
      const odd = (id: string) => [
        id.toLowerCase(),
        `${id} `,
        ` ${id}`,
        `${id}0`,
        id.slice(1),
        '',
        '*',
        '__proto__',
        'constructor',
        'toString',
        'hasOwnProperty',
        'undefined',
        'null',
        '0',
        'K'.repeat(65),
        `${id},${id}`,
        `${id}\0`,
      ]
      changeNamed(draft, 'Key-Pair-Id', (id) => random.pick(odd(id)))
    },
  },
  {
    kind: 'forgery: hash marker',
    vias: signed,
    draft: (draft, random) => {
      const marker = random.pick([
        'SHA1',
        'SHA256',
        'sha256',
        'SHA-256',
        'SHA512',
        'MD5',
        '',
        ' SHA256',
        'SHA256 ',
        'SHA1 SHA256',
        'none',
        '__proto__',
        'SHA2',
        'SHA2566',
        undefined,
      ])
      draft.fields = draft.fields.filter(([name]) => name !== 'Hash-Algorithm')
      if (marker !== undefined) draft.fields.push(['Hash-Algorithm', marker])
    },
  },
  {
    kind: 'forgery: hash of another kind than the marker',
    vias: signed,
    claim: (claim) => {
      claim.hash = claim.hash === 'SHA1' ? 'SHA256' : 'SHA1'
    },
    draft: (draft, random) => {
      if (random.chance(0.5)) return
      draft.fields = draft.fields.filter(([name]) => name !== 'Hash-Algorithm')
      if (draft.claim.hash === 'SHA1') draft.fields.push(['Hash-Algorithm', 'SHA256'])
    },
  },
  {
    kind: 'forgery: policy and signature of two requests',
    vias: signed,
    draft: (draft, random) => {
      const other = new Map(otherFields(draft, random))
      const name = random.pick(draft.fields)[0]
      changeNamed(draft, name, (own) => other.get(name) ?? own)
    },
  },
  {
    kind: 'forgery: an unsigned policy for everything',
    vias: custom,
    draft: (draft) => changeNamed(draft, 'Policy', () => wide(draft)),
  },
  {
    // What is joined with a separator somewhere and split again reads fields of the attacker's choice.
    kind: 'forgery: a good signature hidden in another field',
    vias: custom,
    draft: (draft, random) => {
      const good = random.chance(0.5) ? draft.fields : otherFields(draft, random)
      const of = (name: string) => good.find(([own]) => own === name)?.[1] ?? ''
      const marker = of('Hash-Algorithm') === '' ? 'SHA1' : 'SHA256'
      const separator = random.pick([
        ' ',
        '%20',
        '+',
        '%09',
        '\t',
        ',',
        '|',
        '%00',
        '%0A',
        '%0D%0A',
        ':',
        ';',
        '&',
        '%26',
        '%3B',
        '  ',
        '%C2%A0',
      ])
      const all = [of('Key-Pair-Id'), marker, of('Signature'), of('Policy')]
      const forged: Record<string, string> = {
        'Key-Pair-Id': all.join(separator),
        'Hash-Algorithm': all.slice(1).join(separator),
        Signature: all.slice(2).join(separator),
        Policy: [wide(draft), of('Policy')].join(separator),
      }
      const name = random.pick(Object.keys(forged))
      draft.fields = draft.fields.map(([own, text]) => [
        own,
        own === name ? (forged[own] ?? '') : own === 'Policy' ? wide(draft) : text,
      ])
      if (name === 'Hash-Algorithm' && value(draft, name) === '') draft.fields.push([name, forged[name] ?? ''])
    },
  },
  {
    kind: 'forgery: signature truncated or extended',
    vias: signed,
    draft: (draft, random) =>
      changeNamed(draft, 'Signature', (signature) => {
        const bytes = Buffer.from(signature.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64')
        const cut = random.int(bytes.length)
        return toUrlBase64(
          random.pick([
            bytes.subarray(0, cut),
            bytes.subarray(cut),
            bytes.subarray(0, -1),
            Buffer.concat([bytes, Buffer.alloc(random.pick([1, 2, 64]))]),
            Buffer.concat([Buffer.alloc(1), bytes]),
            Buffer.concat([bytes, bytes]),
            Buffer.alloc(bytes.length),
            Buffer.alloc(0),
            Buffer.from('30060201000201 00'.replaceAll(' ', ''), 'hex'),
            Buffer.from('3006020101020101', 'hex'),
          ]),
        )
      }),
  },
  {
    kind: 'forgery: one bit of policy or signature',
    vias: signed,
    draft: (draft, random) =>
      changeNamed(draft, random.pick(['Policy', 'Signature']), (text) => {
        const bytes = Buffer.from(text.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64')
        const at = random.int(bytes.length)
        if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8))
        return toUrlBase64(bytes)
      }),
  },
  {
    kind: 'base64: alphabet',
    vias: signed,
    draft: (draft, random) =>
      changeNamed(draft, random.pick(['Policy', 'Signature']), (text) =>
        random.pick([
          text.replaceAll('-', '+'),
          text.replaceAll('_', '='),
          text.replaceAll('~', '/'),
          text.replaceAll('-', '%2B').replaceAll('_', '%3D').replaceAll('~', '%2F'),
          text.replaceAll('~', '%7E'),
          text.replaceAll('~', '_').replaceAll('-', '~'),
          text.toLowerCase(),
          `"${text}"`,
        ]),
      ),
  },
  {
    kind: 'base64: length and padding',
    vias: signed,
    draft: (draft, random) =>
      changeNamed(draft, random.pick(['Policy', 'Signature']), (text) =>
        random.pick([
          text.replace(/_+$/, ''),
          `${text}_`,
          `${text}__`,
          `${text}____`,
          text.slice(0, -1),
          text.slice(1),
          text.slice(0, -2),
          `${text}A`,
          `${text}AA`,
          `A${text}`,
          '',
          'A',
          'AA__',
          '_',
          `${text.slice(0, 8)}_${text.slice(8)}`,
          text.replace(
            /([A-Za-z0-9])(_+)$/,
            (_, last: string, pad: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}${pad}`,
          ),
        ]),
      ),
  },
]
