import type { Random } from '../../random.ts'
import { pathOf } from '../draft.ts'
import { privateFiles } from '../stage.ts'
import { custom, links, type Mutation, signed } from './mutation.ts'

/** Paths that readers understand in different ways, other files than the signed one, and other hosts. */

const files = privateFiles.map(pathOf)

/** The path of a file as some reader might spell it, below the folder of the path that was signed. */
function detour(path: string, random: Random): string {
  const other = random.pick(files)
  const folder = path.slice(0, path.lastIndexOf('/'))
  const up = '../'.repeat(folder.split('/').length - 1)
  return random.pick([
    `${folder}/${up}${other.slice(1)}`,
    `${folder}/${up.replaceAll('..', '%2E%2E')}${other.slice(1)}`,
    `${folder}/${up.replaceAll('..', '%2e.')}${other.slice(1)}`,
    `${folder}/${up.replaceAll('/', '%2F')}${other.slice(1)}`,
    `${folder}/${up.replaceAll('/', '%5C')}${other.slice(1)}`,
    `${folder}/${up.replaceAll('/', '\\')}${other.slice(1)}`,
    `${folder}/..;/..${other}`,
    `${folder}/.${path.slice(folder.length)}`,
    `/.${path}`,
    `/${path}`,
    path.replaceAll('/', '//'),
    path.replace('users', 'public/../users'),
    path.replace('/alice/', '/alice%2F'),
    path.replace('alice', 'bob/../alice'),
    path.replace('alice', 'Alice'),
    path.toUpperCase(),
    `${path}/`,
    `${path}/.`,
    `${path}/..`,
    `${path}%00`,
    `${path}%20`,
    `${path}.`,
    `${path};x`,
    `${path}#${other}`,
    `${path}%23`,
    `${path}%3F`,
    `/public/..${path}`,
    `/public/%2e%2e${path}`,
    `/public/..%2f..${path}`,
    `/assets/public/../private${other}`,
    `/assets/public/..%2F..%2Fusers/bob/a.txt`,
    `/assets/private${path}`,
    `/bucket${path}`,
    `/plain0${path}`,
    `/behaviour0`,
    `/verify`,
    `/..${path}`,
    path.replace('%20', '+'),
    path.replace('%2B', '+'),
    path.replace('%C3%A9', 'e%CC%81'),
    path.replace('%C3%A9', '%c3%a9'),
  ])
}

export const pathMutations: readonly Mutation[] = [
  {
    kind: "path: another user's file",
    draft: (draft, random) => {
      draft.path = `${draft.via.endsWith('link') ? '/assets/private' : ''}${random.pick(files)}`
    },
  },
  {
    kind: 'path: detours',
    draft: (draft, random) => {
      draft.path = detour(draft.path, random)
    },
  },
  {
    kind: 'path: detours, signed',
    vias: [...signed, 'link'],
    claim: (claim, random) => {
      claim.path = detour(claim.path, random)
      if (claim.via.startsWith('canned')) claim.resource = `https://${claim.host}${claim.path}`
      else if (random.chance(0.3)) claim.resource = `https://${claim.host}/users/*`
    },
  },
  {
    kind: 'path: one character off',
    draft: (draft, random) => {
      const at = 1 + random.int(draft.path.length - 1)
      draft.path =
        draft.path.slice(0, at) + random.pick(['', 'x', '/', '.', '%', '*', '?']) + draft.path.slice(at + random.int(2))
    },
  },
  {
    kind: 'path: a neighbour of the prefix',
    vias: custom,
    claim: (claim, random) => {
      claim.resource = claim.resource.replace(
        '/users/alice/*',
        random.pick(['/users/alice*', '/users/alice', '/users/alic*', '/users/alice/*']),
      )
      claim.path = random.pick(['/users/alice2/a.txt', '/users/alice/a.txt', claim.path])
    },
  },
  {
    kind: 'host: another one in the request',
    draft: (draft, random) => {
      const { claim } = draft
      const [name = '', port = ''] = claim.host.split(':')
      claim.host = random.pick([
        name,
        claim.host.toUpperCase(),
        `${name}.:${port}`,
        `evil.test:${port}`,
        `${name}:80`,
        `${name}:${port}0`,
        `x.${claim.host}`,
        `${claim.host}/`,
        '',
        '*',
        `[::1]:${port}`,
        '127.0.0.1',
        `user@${claim.host}`,
      ])
    },
  },
  {
    kind: 'host: another one, signed for it',
    vias: signed,
    claim: (claim, random) => {
      const before = claim.host
      const [name = '', port = ''] = before.split(':')
      claim.host = random.pick([
        name,
        `evil.test:${port}`,
        `${name}.:${port}`,
        before.toUpperCase(),
        `${name}:80`,
        `${name}:0${port}`,
        `x.${before}`,
      ])
      claim.resource = claim.resource.replace(before, random.pick([claim.host, before]))
    },
  },
  {
    kind: 'host: two of them, or one in the target',
    draft: (draft, random) => {
      const { host } = draft.claim
      if (random.chance(0.5)) draft.headers.push(['Host', random.pick([host, 'evil.test', ''])])
      else draft.path = `http://${random.pick([host, 'evil.test', `${host}@evil.test`])}${draft.path}`
    },
  },
  {
    kind: 'path: a link for the path without /assets/private',
    vias: links,
    draft: (draft) => {
      draft.path = draft.path.slice('/assets/private'.length)
    },
  },
]
