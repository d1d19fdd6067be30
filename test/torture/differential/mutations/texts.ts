import type { Random } from '../../random.ts'
import { changeField, inCookies, inQuery, insert, type Mutation } from './mutation.ts'

/** Separators, control characters, bytes beyond ASCII and escapes, in each field, in names, in the path and the host. */

const separators = [
  ...' ;,=&|?#/:+"\'\t\\<>%*$(){}[]~`^!@',
  '; ',
  '|/',
  '&&',
  '==',
  ', ',
  ' SHA256 ',
  '%',
  '$uri',
  '$arg_x',
]
const controls = [...Array(32).keys(), 127].filter((code) => code !== 10).map((code) => String.fromCharCode(code))
const foreign = [
  ...['é', '\u00a0', '\u2028', '\ufeff', '＝', '\u202e', '😀'].map((text) => Buffer.from(text).toString('latin1')),
  ...['\x80', '\xa0', '\xff', '\xc0\xaf', '\xed\xa0\x80', '\xf5\x80\x80\x80', '\xe9'],
]

const hex = (code: number) => `%${code.toString(16).padStart(2, '0').toUpperCase()}`

/** Writes some characters, or all, as escapes. */
function escapeSome(text: string, random: Random): string {
  const share = random.pick([0.1, 0.5, 1])
  return [...text].map((c) => (random.chance(share) ? hex(c.charCodeAt(0)) : c)).join('')
}

const escapeAny = (text: string, random: Random) =>
  [...text]
    .map((c) =>
      random.chance(0.3) ? (random.chance(0.5) ? hex(c.charCodeAt(0)) : hex(c.charCodeAt(0)).toLowerCase()) : c,
    )
    .join('')
const brokenEscapes = ['%', '%4', '%zz', '%%41', '%u0041', '%C0%AF', '%E9', '%00', '%0D%0A', '%ED%A0%80', '%FF']

export const textMutations: readonly Mutation[] = [
  {
    kind: 'text: separator in a field',
    draft: (draft, random) => changeField(draft, random, (value) => insert(value, random.pick(separators), random)),
  },
  {
    kind: 'text: control character in a field',
    draft: (draft, random) => changeField(draft, random, (value) => insert(value, random.pick(controls), random)),
  },
  {
    kind: 'text: non-ASCII in a field',
    draft: (draft, random) => changeField(draft, random, (value) => insert(value, random.pick(foreign), random)),
  },
  {
    kind: 'text: odd character in a name',
    draft: (draft, random) => {
      const field = random.pick(draft.fields)
      field[0] = insert(field[0], random.pick([...separators, ...controls, ...foreign]), random)
    },
  },
  {
    kind: 'text: odd character in another cookie',
    draft: (draft, random) => {
      const odd = random.pick([...separators, ...controls, ...foreign])
      draft.otherCookies = [`a=${insert('value', odd, random)}`, `${insert('name', odd, random)}=1`]
    },
  },
  {
    kind: 'text: cookie separators',
    vias: inCookies,
    draft: (draft, random) => {
      draft.cookieSeparator = random.pick([';', ';  ', ' ; ', ';\t', ', ', '&', ';;', '; ; ', ';\u00a0', ' ', '|'])
      if (random.chance(0.5)) draft.otherCookies = ['a=1', 'b=2']
    },
  },
  {
    kind: 'text: odd character in the path',
    draft: (draft, random) => {
      draft.path = insert(draft.path, random.pick([...separators, ...controls, ...foreign]), random)
    },
  },
  {
    kind: 'text: odd character in the path, signed',
    claim: (claim, random) => {
      claim.path = insert(claim.path, random.pick([...separators, ...controls, ...foreign]), random)
      if (claim.via.startsWith('canned')) claim.resource = `https://${claim.host}${claim.path}`
    },
  },
  {
    kind: 'text: odd character in the query',
    draft: (draft, random) => {
      draft.query.push(insert('q=1', random.pick([...separators, ...controls, ...foreign, ...brokenEscapes]), random))
    },
  },
  {
    kind: 'text: odd character in the host',
    claim: (claim, random) => {
      claim.host = insert(claim.host, random.pick([...separators, ...controls, ...foreign]), random)
    },
  },
  {
    kind: 'encoding: one field, once',
    draft: (draft, random) => changeField(draft, random, (value) => escapeSome(value, random)),
  },
  {
    kind: 'encoding: one field, twice',
    draft: (draft, random) =>
      changeField(draft, random, (value) =>
        escapeSome(value, random).replaceAll('%', '%25').replaceAll('%2525', '%25'),
      ),
  },
  {
    kind: 'encoding: broken escape in a field',
    draft: (draft, random) => changeField(draft, random, (value) => insert(value, random.pick(brokenEscapes), random)),
  },
  {
    kind: 'encoding: a name',
    vias: inQuery,
    draft: (draft, random) => {
      const field = random.pick(draft.fields)
      field[0] = escapeAny(field[0], random)
    },
  },
  {
    kind: 'encoding: the path',
    draft: (draft, random) => {
      draft.path = draft.path.replace(/[A-Za-z.]/g, (c) => (random.chance(0.2) ? escapeAny(c, random) : c))
    },
  },
  {
    kind: 'encoding: broken escape in the path',
    draft: (draft, random) => {
      draft.path = insert(draft.path, random.pick(brokenEscapes), random)
    },
  },
]
