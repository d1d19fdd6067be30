import { linkFields, randomClaim, signatureFields } from '../draft.ts'
import { inCookies, inQuery, inUrl, links, type Mutation, signed } from './mutation.ts'

/** Names: twice, in other spellings, inherited by every object; and the fields of several signatures in one request. */

const inherited = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'prototype',
  '__defineGetter__',
  'length',
  'isPrototypeOf',
]

const inheritedQueries = inherited.flatMap((name) => [
  `${name}=x`,
  name,
  `${name}[x]=1`,
  `${name}.x=1`,
  `${name}=x&${name}=y`,
])

export const nameMutations: readonly Mutation[] = [
  {
    kind: 'names: a field twice',
    draft: (draft, random) => {
      const [name, value] = random.pick(draft.fields)
      const other = random.pick([value, '', 'x', `${value}x`, value.slice(1)])
      const copy: [string, string] = [name, other]
      if (random.chance(0.5)) draft.fields.push(copy)
      else draft.fields.unshift(copy)
    },
  },
  {
    kind: 'names: all fields twice, of two requests',
    draft: (draft, random) => {
      const { claim } = draft
      const other = {
        ...randomClaim(claim.stage, random, claim.now),
        via: claim.via,
        resource: `https://${claim.host}/users/bob/*`,
      }
      const fields = claim.via.endsWith('link')
        ? linkFields({ ...other, resource: '/assets/private/users/bob/' })
        : signatureFields(other)
      draft.fields = random.chance(0.5) ? [...draft.fields, ...fields] : [...fields, ...draft.fields]
    },
  },
  {
    kind: 'names: a field missing',
    draft: (draft, random) => {
      draft.fields.splice(random.int(draft.fields.length), 1)
    },
  },
  {
    kind: 'names: other case or prefix',
    draft: (draft, random) => {
      const field = random.pick(draft.fields)
      field[0] = random.pick([
        field[0].toLowerCase(),
        field[0].toUpperCase(),
        `x${field[0]}`,
        `${field[0]}x`,
        ` ${field[0]}`,
        `${field[0]} `,
        `${field[0]}[]`,
        `"${field[0]}"`,
        `$${field[0]}`,
      ])
    },
  },
  {
    kind: 'names: order of the fields',
    draft: (draft, random) => {
      draft.fields.sort(() => random.int(3) - 1)
      if (random.chance(0.5)) draft.query.push('z=1')
    },
  },
  {
    kind: 'names: inherited, in the query',
    draft: (draft, random) => {
      draft.query.push(random.pick(inheritedQueries))
    },
  },
  {
    kind: 'names: inherited, in the query, signed',
    vias: inUrl,
    claim: (claim, random) => {
      claim.query.push(random.pick(inheritedQueries))
      claim.resource = `https://${claim.host}${claim.path}?${claim.query.join('&')}`
    },
  },
  {
    kind: 'names: inherited, as cookies',
    draft: (draft, random) => {
      const name = random.pick(inherited)
      draft.otherCookies = random.pick([
        [`${name}=x`],
        [`${name}=x`, `${name}=y`],
        [`a=1`, `${name}=x; ${name}=y`],
        [`CloudFront-${name}=x`],
        [name],
      ])
    },
  },
  {
    kind: 'names: inherited, as headers',
    draft: (draft, random) => {
      const name = random.pick(inherited.filter((one) => !one.includes('_')))
      draft.headers.push([name, 'x'], ...(random.chance(0.5) ? ([[name, 'y']] as [string, string][]) : []))
    },
  },
  {
    kind: 'names: inherited, as the name of a field',
    draft: (draft, random) => {
      random.pick(draft.fields)[0] = random.pick(inherited)
    },
  },
  {
    kind: 'names: other headers beside',
    draft: (draft, random) => {
      draft.headers.push(
        random.pick([
          ['X-Forwarded-For', '10.0.0.1'],
          ['X-Forwarded-Host', 'evil.test'],
          ['X-Edge-Signed', 'x SHA256 x x'],
          ['X-Edge-Verdict', 'valid'],
          ['X-Edge-Viewer-Address', '10.0.0.1'],
          ['X-Accel-Redirect', '/users/bob/a.txt'],
          ['X-Original-URL', '/users/bob/a.txt'],
          ['X-Edge-Uri', '/users/bob/a.txt'],
          ['X-Edge-Behaviour', '0'],
          ['X-HTTP-Method-Override', 'PUT'],
          ['Cookie', 'CloudFront-Policy=x'],
          ['Origin', 'https://evil.test'],
        ]),
      )
    },
  },
  {
    kind: 'mixed: cookies beside a signed URL',
    vias: inUrl,
    draft: (draft, random) => {
      const { claim } = draft
      const other = {
        ...claim,
        resource: random.pick([claim.resource, `https://${claim.host}/users/bob/*`]),
        expires: random.pick([claim.expires, '1']),
      }
      draft.otherCookies = signatureFields(other).map(([name, value]) => `CloudFront-${name}=${value}`)
      if (random.chance(0.4)) draft.fields.splice(random.int(draft.fields.length), 1)
      if (random.chance(0.2)) draft.fields = []
    },
  },
  {
    kind: 'mixed: parameters of a signed URL beside cookies',
    vias: inCookies,
    draft: (draft, random) => {
      const name = random.pick([
        'Expires',
        'Policy',
        'Signature',
        'Key-Pair-Id',
        'Hash-Algorithm',
        'expires',
        'policy',
        '%50olicy',
        'Policy[]',
      ])
      draft.query.push(random.pick([`${name}=1`, name, `${name}=`]))
    },
  },
  {
    kind: 'mixed: canned and custom at once',
    vias: signed,
    draft: (draft, random) => {
      const { claim } = draft
      if (claim.via.startsWith('canned')) {
        const custom = signatureFields({ ...claim, via: 'url' })
        draft.fields.push(
          ...custom.filter(([name]) => name === 'Policy' || (random.chance(0.3) && name === 'Signature')),
        )
      } else draft.fields.push(['Expires', random.pick([claim.expires, '1', '', 'x'])])
    },
  },
  {
    kind: 'mixed: half in cookies, half in the URL',
    vias: signed,
    draft: (draft, random) => {
      const moved = draft.fields.splice(random.int(draft.fields.length), 1 + random.int(3))
      if (draft.via.endsWith('cookies')) draft.query.push(...moved.map(([name, value]) => `${name}=${value}`))
      else draft.otherCookies = moved.map(([name, value]) => `CloudFront-${name}=${value}`)
    },
  },
  {
    kind: 'mixed: a link beside cookies or a signed URL',
    vias: links,
    draft: (draft, random) => {
      const { claim } = draft
      const fields = signatureFields({ ...claim, via: 'url', resource: `https://${claim.host}/*` })
      if (random.chance(0.5)) draft.query.push(...fields.map(([name, value]) => `${name}=${value}`))
      else draft.otherCookies = fields.map(([name, value]) => `CloudFront-${name}=${value}`)
      if (random.chance(0.5)) draft.fields.splice(random.int(draft.fields.length), 1)
    },
  },
  {
    kind: 'names: another method',
    vias: [...inCookies, ...inQuery],
    draft: (draft, random) => {
      draft.method = random.pick(['HEAD', 'HEAD', 'get', 'GET ', 'PROPFIND', 'TRACE', 'FOO'])
    },
  },
]
