import { linkFields, pathOf } from '../draft.ts'
import { privateFiles } from '../stage.ts'
import { changeNamed, links, type Mutation } from './mutation.ts'

/** Download links: their md5, their end, their folder. */

const folders = [
  '/assets/private/users/alice/',
  '/assets/private/users/bob/',
  '/assets/private/users/',
  '/assets/private/',
  '/',
  '',
]
const separators = ['|', '%7C', '*', '%2A', ',', '&prefix=', ' ', '%20', '?', '%3F', '/../', '%00', '$', '||']

export const linkMutations: readonly Mutation[] = [
  {
    kind: 'link: md5',
    vias: links,
    draft: (draft, random) =>
      changeNamed(draft, 'md5', (md5) =>
        random.pick([
          `${md5}==`,
          `${md5}%3D%3D`,
          md5.slice(0, -1),
          `${md5}A`,
          md5.toLowerCase(),
          md5.replaceAll('-', '+').replaceAll('_', '/'),
          '',
          `${md5},${draft.claim.expires}`,
          `,${md5}`,
          `${md5.slice(0, -1)}${String.fromCharCode((md5.charCodeAt(md5.length - 1) || 65) + 1)}`,
          'A'.repeat(22),
          `${md5}%00`,
        ]),
      ),
  },
  {
    kind: 'link: expires after signing',
    vias: links,
    draft: (draft, random) =>
      changeNamed(draft, 'expires', (expires) =>
        random.pick([
          `${expires}0`,
          `0${expires}`,
          '',
          '0',
          '-1',
          `${expires}.0`,
          `+${expires}`,
          `%20${expires}`,
          `${expires}x`,
          '9'.repeat(20),
          '18446744073709551616',
          String(Number(expires) + 1),
          `${expires},1`,
          `1,${expires}`,
        ]),
      ),
  },
  {
    kind: 'link: expires, signed',
    vias: links,
    claim: (claim, random) => {
      const { now } = claim
      claim.expires = random.pick([
        String(now - 60),
        '0',
        '1',
        '-1',
        '',
        `0${now + 60}`,
        `${now + 60}.0`,
        '9'.repeat(15),
        '9'.repeat(30),
        `${now + 60}x`,
        `+${now + 60}`,
        `${(now + 60) * 1000}`,
      ])
    },
  },
  {
    kind: 'link: the folder after signing',
    vias: ['folder-link'],
    draft: (draft, random) => {
      const target = `/assets/private${pathOf(random.pick(privateFiles))}`
      changeNamed(draft, 'prefix', (prefix) =>
        random.pick([
          ...folders,
          `${prefix}${random.pick(separators)}${prefix}`,
          `${prefix}*`,
          `${prefix}%2A`,
          prefix.slice(0, -1),
          `${prefix}.`,
          prefix.replace('alice', 'alic%65'),
          encodeURIComponent(prefix),
          `${random.pick(folders)}${random.pick(separators)}${prefix}`,
        ]),
      )
      if (random.chance(0.6)) draft.path = target
    },
  },
  {
    kind: 'link: two folders joined by a separator',
    vias: ['folder-link'],
    draft: (draft, random) => {
      const [, prefix = ''] = draft.fields.find(([name]) => name === 'prefix') ?? []
      const separator = random.pick(separators)
      draft.path = `/assets/private${pathOf(random.pick(privateFiles))}`
      changeNamed(draft, 'prefix', () =>
        random.pick([
          `${prefix}${separator}${prefix}`,
          `${draft.path}${separator}${prefix}`,
          `${prefix}${separator}${draft.path}`,
        ]),
      )
    },
  },
  {
    kind: 'link: the folder, signed',
    vias: ['folder-link'],
    claim: (claim, random) => {
      claim.resource = random.pick([
        ...folders,
        claim.path,
        claim.resource.slice(0, -1),
        `${claim.resource}*/`,
        `${claim.resource}../`,
        `${claim.resource.replace('users', '%75sers')}`,
      ])
    },
  },
  {
    kind: 'link: a file link for a folder, and the other way round',
    vias: links,
    draft: (draft, random) => {
      const { claim } = draft
      const prefix = claim.path.slice(0, claim.path.lastIndexOf('/') + 1)
      const isFolder = random.chance(0.5)
      const other = isFolder
        ? linkFields({ ...claim, via: 'link', path: random.pick([`${prefix}*`, prefix]), fileName: undefined })
        : linkFields({ ...claim, via: 'folder-link', resource: claim.path })
      draft.fields = isFolder ? [...other, ['prefix', prefix]] : other.filter(([name]) => name !== 'prefix')
      if (random.chance(0.3)) draft.path = `${prefix}%2A`
    },
  },
  {
    kind: 'link: the name after signing',
    vias: links,
    draft: (draft, random) => {
      draft.fields = draft.fields.filter(([name]) => name !== 'response-content-disposition' || random.chance(0.3))
      draft.fields.push([
        'response-content-disposition',
        random.pick(['attachment', 'inline', '', 'attachment%0D%0AX-Evil%3A1', 'text%2Fhtml']),
      ])
    },
  },
  {
    kind: 'link: expires and md5 in one parameter',
    vias: links,
    draft: (draft) => {
      const value = (name: string) => draft.fields.find(([own]) => own === name)?.[1] ?? ''
      draft.fields = [
        ['md5', `${value('md5')},${value('expires')}`],
        ...draft.fields.filter(([name]) => name === 'prefix'),
      ]
    },
  },
]
