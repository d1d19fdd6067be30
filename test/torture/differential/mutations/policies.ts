import type { Random } from '../../random.ts'
import type { Claim } from '../draft.ts'
import { custom, insert, type Mutation } from './mutation.ts'

/** Mutations of a policy's content and of its JSON spelling, each correctly signed afterwards. */

/** A change of the policy's text. */
function text(kind: string, change: (text: string, random: Random, claim: Claim) => string): Mutation {
  return {
    kind,
    vias: custom,
    claim: (claim, random) => {
      claim.policyText = (before) => change(before, random, claim)
    },
  }
}

const utf8 = (value: string) => Buffer.from(value).toString('latin1')
const tail = (statement: string) => `,${statement}]}`

export const policyMutations: readonly Mutation[] = [
  text('json: SourceIp of another type', (policy, random) =>
    policy.replace(
      /,"IpAddress".*?\}|(?=\}\}\]\}$)/,
      `,"IpAddress":${random.pick(['null', '{}', '[]', '"127.0.0.1/32"', '{"AWS:SourceIp":["127.0.0.1/32"]}', '{"AWS:SourceIp":1}', '{"aws:SourceIp":"10.0.0.1/32"}'])}`,
    ),
  ),
  text('json: duplicate members', (policy, random, { host, now }) => {
    const wide = `"Resource":"https://${host}/*"`
    const late = `"DateLessThan":{"AWS:EpochTime":${now + 7200}}`
    return random.pick([
      policy.replace('{"Resource"', `{${wide},"Resource"`),
      policy.replace(',"Condition"', `,${wide},"Condition"`),
      policy.replace('{"DateLessThan"', `{${late},"DateLessThan"`),
      policy.replace(/"AWS:EpochTime":(\d+)/, `"AWS:EpochTime":1,"AWS:EpochTime":$1`),
      policy.replace(/"AWS:EpochTime":(\d+)/, `"AWS:EpochTime":$1,"AWS:EpochTime":1`),
      policy.replace('{"Statement"', '{"Statement":[],"Statement"'),
      policy.replace(/\]\}$/, '],"Statement":[]}'),
    ])
  }),
  text('json: unknown members', (policy, random) => {
    const member = random.pick([
      '"Id":"x"',
      '"Effect":"Deny"',
      '"NotResource":"*"',
      '"__proto__":{"Resource":"*"}',
      '"Resources":"*"',
      '"Version":"2012-10-17"',
      '"constructor":{}',
      '"toString":1',
      '"hasOwnProperty":1',
      '"":1',
    ])
    const name = random.pick(['{"Statement"', '{"Resource"', '{"DateLessThan"', '{"AWS:EpochTime"'])
    return policy.replace(name, `{${member},${name.slice(1)}`)
  }),
  text('json: inherited names in place of members', (policy, random) =>
    policy.replace(
      random.pick(['"Resource"', '"Condition"', '"DateLessThan"', '"AWS:EpochTime"']),
      random.pick(['"__proto__"', '"constructor"', '"toString"', '"valueOf"', '"resource"']),
    ),
  ),
  text('json: numbers that are not JSON', (policy, random) =>
    policy.replace(
      /:(\d{6,})/,
      random.pick([':0$1', ':00$1', ':$1.', ':+$1', ':$1e', ':$1_0', ':.$1', ':0x$1', ':$1n', ':- $1', ':$1 1']),
    ),
  ),
  text(
    'json: trailing garbage',
    (policy, random) =>
      policy +
      random.pick([
        'x',
        '}',
        ']',
        ' ',
        '\n',
        '\t\r\n',
        '\0',
        '{}',
        ',',
        '//',
        '#',
        policy,
        ' null',
        '\x0b',
        '\x0c',
        '\xa0',
        ';',
      ]),
  ),
  text(
    'json: leading garbage',
    (policy, random) =>
      random.pick([
        utf8('\ufeff'),
        '\xff\xfe',
        '\xfe\xff',
        ' ',
        '\n',
        '\0',
        '//\n',
        '(',
        '\x0b',
        '\xa0',
        ")]}'\n",
        '0',
        '"',
      ]) + policy,
  ),
  text('json: white space', (policy, random) =>
    policy.replaceAll(
      random.pick([':', ',', '{', '[']),
      (c) => `${c}${random.pick([' ', '\n', '\r\n', '\t', '\x0b', '\x0c', '\xa0', '\x00'])}`,
    ),
  ),
  text('json: escapes', (policy, random) =>
    random.pick([
      policy.replace('users', '\\u0075sers'),
      policy.replaceAll('/', '\\/'),
      policy.replace('Resource', '\\u0052esource'),
      policy.replace('Statement', 'State\\u006dent'),
      policy.replace('AWS:EpochTime', 'AWS\\u003AEpochTime'),
      policy.replace('users', 'users\\u0000'),
      policy.replace('users', '\\ud800'),
      policy.replace('users', '\\x75sers'),
      policy.replace('users', '\\users'),
      policy.replace('*', '\\u002a'),
      policy.replace('*', '\\u002A'),
      policy.replace('https', '\\U0068ttps'),
    ]),
  ),
  text('json: bytes that are not UTF-8', (policy, random) =>
    insert(
      policy,
      random.pick([
        '\xff',
        '\xc0\xaf',
        '\xe9',
        '\xed\xa0\x80',
        '\xf4\x90\x80\x80',
        utf8('é'),
        utf8('\u2028'),
        utf8('😀'),
      ]),
      random,
    ),
  ),
  text('json: raw control character in a string', (policy, random) =>
    policy.replace('users', `us${random.pick(['\x00', '\x01', '\t', '\n', '\r', '\x1f', '\x7f'])}ers`),
  ),
  text('json: one character off', (policy, random) => {
    const at = random.int(policy.length)
    return (
      policy.slice(0, at) +
      random.pick(['', '"', '{', '}', ',', ':', '*', ' ', 'x', '\\', '0']) +
      policy.slice(at + random.int(2))
    )
  }),
  text('json: two statements, none, or other forms', (policy, random, { host, now }) => {
    const wide = `{"Resource":"https://${host}/*","Condition":{"DateLessThan":{"AWS:EpochTime":${now + 3600}}}}`
    return random.pick([
      policy.replace(/\]\}$/, tail(wide)),
      policy.replace('[', `[${wide},`),
      '{"Statement":[]}',
      '{}',
      '[]',
      'null',
      '"x"',
      '1',
      '',
      `{"Statement":${wide}}`,
      `{"Statement":[[${wide}]]}`,
      `[${policy}]`,
      `{"Statement":{"0":${wide},"length":1}}`,
      `{"Statement":[null]}`,
      `{"statement":[${wide}]}`,
      `{"Statement":"${wide.replaceAll('"', '\\"')}"}`,
      `{"Statement":[${wide},null]}`,
    ])
  }),
  text('json: no Resource, or one of another type', (policy, random) =>
    policy.replace(
      /"Resource":"[^"]*",?/,
      random.pick([
        '',
        '"Resource":null,',
        '"Resource":["*"],',
        '"Resource":{},',
        '"Resource":true,',
        '"Resource":1,',
        '"Resource":"",',
      ]),
    ),
  ),
  text('json: no condition, or one of another type', (policy, random) =>
    policy.replace(
      /,"Condition":.*/,
      random.pick([
        '}]}',
        ',"Condition":{}}]}',
        ',"Condition":null}]}',
        ',"Condition":[]}]}',
        ',"Condition":{"DateLessThan":null}}]}',
        ',"Condition":{"DateLessThan":{}}}]}',
        ',"Condition":{"DateLessThan":[1]}}]}',
      ]),
    ),
  ),
  text('json: nested deep', (policy, random) => {
    const depth = random.pick([100, 1000, 2500])
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`
    return random.pick([deep, policy.replace('{"Statement"', `{"a":${deep},"Statement"`)])
  }),
  text('json: long', (policy, random) => {
    const long = random.pick(['*', '?', 'a', '*a', '%', '/']).repeat(random.pick([500, 1500, 3000]))
    return policy.replace(/"Resource":"[^"]*"/, `"Resource":"https://${long}"`)
  }),
]
