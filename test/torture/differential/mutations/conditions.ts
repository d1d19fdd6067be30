import { canned, custom, type Mutation, signed } from './mutation.ts'

/** Dates, resources and addresses of a policy, each rightly signed afterwards. */

const dates = (now: number) =>
  [
    ...[
      now - 3600,
      now + 86_400 * 365,
      (now + 3600) * 1000,
      0,
      1,
      -1,
      -(now + 3600),
      2 ** 31 - 1,
      2 ** 31,
      2 ** 31 + 1,
    ],
    ...[2 ** 32, 2 ** 53, 2 ** 53 + 2, now * 1000],
  ].map(String)

const oddDates = (now: number) => [
  ...[`${now + 3600}.5`, `${now + 3600}.0`, `${now + 3600}.`, `0${now + 3600}`, `00${now + 3600}`, `+${now + 3600}`],
  ...[`"${now + 3600}"`, `${(now + 3600) / 1e9}e9`, '1e11', '1E400', '1e10', '1e308', 'true', 'null', '[]', '{}'],
  ...[`[${now + 3600}]`, '0x7fffffff', 'Infinity', 'NaN', '-0', `${now + 3600} `, ` ${now + 3600}`, '9'.repeat(30)],
  ...[`"${new Date((now + 3600) * 1000).toISOString()}"`, `${now + 3600}e0`, '', `${now + 3600},1`, `'${now + 3600}'`],
]

/** Patterns; `~` is the base of the claim's own URL without path, `=` its own resource. */
const resources = [
  '*',
  '**',
  '?*',
  'https://*',
  'https://*/*',
  '~/*',
  '~/users/*',
  '~*',
  'http*://*',
  'http*',
  'http://*',
  'HTTPS://*',
  '~/users/a*',
  '~/users/alice*',
  '~/users/alice/',
  '~/users/alice',
  '~/users/?lice/*',
  '~/users/?????/*',
  '~/*/*',
  '~/users/alice/a.tx?',
  '~/users/alice/??????',
  '~/u*s/*/a.txt',
  '=*',
  '=?',
  '*=',
  '',
  ' *',
  '* ',
  '~/users/[a-z]*/*',
  '~/users/.*',
  '~/users/%61lice/*',
  '~/users/alice/%2A',
  '~/users/alice/../bob/*',
  '~//users/alice/*',
  '~/Users/Alice/*',
  '~/users/alice/\\*',
  'https://*.example.test/*',
  'https://localhost/*',
  'https://localhost*',
  'https://evil.test/*',
  '/users/alice/*',
  'users/alice/*',
  '//*',
  '~/users/al\u0000ice/*',
  '~/users/alice/*#',
  '~/users/alice/*?*',
  '~/assets/*',
]

const addresses = [
  '127.0.0.1',
  '127.0.0.1/32',
  '127.0.0.0/8',
  '127.0.0.1/8',
  '127.0.0.1/0',
  '0.0.0.0/0',
  '0.0.0.0',
  '10.0.0.1/32',
  '10.0.0.0/8',
  '127.0.0.1/33',
  '127.0.0.1/-1',
  '127.0.0.1/',
  '127.0.0.1/032',
  '127.0.0.1/255.255.255.255',
  '127.1',
  '127.0.0.01/32',
  '2130706433',
  '0x7f.0.0.1',
  '::1',
  '::ffff:127.0.0.1',
  '::/0',
  '127.0.0.1, 10.0.0.1',
  ' 127.0.0.1/32',
  '127.0.0.1/32 ',
  '*',
  '127.0.0.*',
  '',
  'localhost',
  '127.0.0.256/32',
  '127.0.0.1/3 2',
  '127.0.0.1/1e1',
  '127.0.0.2/31',
  '127.0.0.0/31',
  '127.0.0.1.',
]

export const conditionMutations: readonly Mutation[] = [
  {
    kind: 'date: DateLessThan',
    vias: signed,
    claim: (claim, random) => {
      claim.expires = random.pick(dates(claim.now))
    },
  },
  {
    kind: 'date: odd spelling of DateLessThan',
    vias: custom,
    claim: (claim, random) => {
      claim.expires = random.pick(oddDates(claim.now))
    },
  },
  {
    kind: 'date: odd spelling of Expires',
    vias: canned,
    claim: (claim, random) => {
      claim.expires = random.pick(oddDates(claim.now).filter((date) => !/[&;{}[\]]/.test(date)))
    },
  },
  {
    kind: 'date: DateGreaterThan',
    vias: custom,
    claim: (claim, random) => {
      claim.notBefore = random.pick([...dates(claim.now), ...oddDates(claim.now)])
    },
  },
  {
    kind: 'resource: wildcards and other places',
    vias: custom,
    claim: (claim, random) => {
      const pattern = random.pick(resources)
      claim.resource = pattern.replace('~', `https://${claim.host}`).replace('=', claim.resource)
    },
  },
  {
    kind: 'resource: one character off',
    vias: signed,
    claim: (claim, random) => {
      const at = random.int(claim.resource.length)
      claim.resource =
        claim.resource.slice(0, at) + random.pick(['', '*', '?', 'x', '/']) + claim.resource.slice(at + 1)
    },
  },
  {
    kind: 'address: forms of SourceIp',
    vias: custom,
    claim: (claim, random) => {
      claim.sourceIp = random.pick(addresses)
    },
  },
]
