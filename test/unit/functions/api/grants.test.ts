/** Grants with an access, conditions and limits, over a store that holds one file. */
import { describe, expect, it } from 'vitest'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { parseObjectKey } from '../../../../shared/assets/object-key.ts'
import type { Upload } from '../../../../shared/assets/upload.ts'
import { ConfigError } from '../../../../shared/errors.ts'
import { createTestApi } from '../../../support/api.ts'

const report = 'teams/red/report.pdf'

function setUp() {
  const received: Upload[] = []
  const file = (key: string, size: number) => ({
    key: parseObjectKey(key, 1024),
    size,
    contentType: 'application/pdf',
    etag: '"e"',
    lastModified: 0,
    checksum: undefined,
    uploadId: undefined,
  })
  const store = {
    maxKeyLength: 1024,
    singleProtocol: 'put',
    list: async () => ({ assets: [file(report, 2000)], cursor: undefined }),
    describe: async (key: string) => (key === report ? file(report, 2000) : undefined),
    delete: async () => true,
    copy: async (_from: string, to: string) => file(to, 2000),
    receive: async (upload: Upload, now: number) => {
      received.push(upload)
      return { protocol: 'put', method: 'PUT', url: 'https://bucket.example/x', headers: {}, expiresAt: now + 600 }
    },
  } as unknown as AssetStore
  const api = createTestApi(store, {
    config: {
      grants: [
        { path: '/teams/{claims.team}/*', access: 'read' },
        { path: '/teams/{claims.team}/*', access: 'read-write', when: { 'realm_access.roles': ['editor', 'owner'] } },
        {
          path: '/teams/{claims.team}/inbox/*',
          access: 'read-write',
          upload: { maxBytes: 1000, contentTypes: ['image/*', 'text/csv'] },
        },
      ],
    },
  })
  const reader = { team: 'red' }
  const editor = { team: 'red', realm_access: { roles: ['viewer', 'editor'] } }
  const upload = (key: string, size: number, contentType: string, claims: object = reader) =>
    api.call('/api/uploads', { json: { key, size, contentType }, claims: claims as Record<string, unknown> })
  return { api, received, reader, editor, upload }
}

describe('GET /api/me', () => {
  it('returns each right with its access and limits, and the scopes', async () => {
    const { api, reader } = setUp()
    const { status, body } = await api.call('/api/me', { claims: { ...reader, scope: 'a b' } })
    expect([status, body]).toEqual([
      200,
      {
        sub: 'alice',
        grants: [
          { prefix: '/teams/red/', access: 'read' },
          {
            prefix: '/teams/red/inbox/',
            access: 'read-write',
            upload: { maxBytes: 1000, contentTypes: ['image/*', 'text/csv'] },
          },
        ],
        scopes: ['a', 'b'],
      },
    ])
    expect((await api.call('/api/me', { as: null })).body.code).toBe('ERR_SESSION_MISSING')
  })
})

describe('a grant to read', () => {
  it('opens files, lists and links, and nothing that writes', async () => {
    const { api, reader, upload } = setUp()
    const call = (path: string, options: object = {}) => api.call(path, { claims: reader, ...options })
    expect((await call(`/api/assets/${report}`)).status).toBe(200)
    expect((await call('/api/assets?prefix=teams/red/')).body.assets).toHaveLength(1)
    expect((await call('/api/assets')).body.assets).toHaveLength(1)
    expect((await call('/api/downloads', { json: { key: report } })).status).toBe(200)
    expect((await call('/api/downloads', { json: { prefix: 'teams/red/' } })).status).toBe(200)
    const readOnly = { status: 401, body: { code: 'ERR_READ_ONLY' } }
    expect(await upload('teams/red/new.csv', 1, 'text/csv')).toMatchObject(readOnly)
    expect(await call(`/api/assets/${report}`, { method: 'DELETE' })).toMatchObject(readOnly)
    expect(await call('/api/assets/copy', { json: { from: report, to: 'teams/red/b' } })).toMatchObject(readOnly)
    expect(await call('/api/assets/move', { json: { from: report, to: 'teams/red/inbox/b' } })).toMatchObject(readOnly)
    // Another team's key stays unknown, whatever is asked for.
    expect(await upload('teams/blue/new.csv', 1, 'text/csv')).toMatchObject({ body: { code: 'ERR_ASSET_NOT_FOUND' } })
  })

  it('is one to write for a session that meets the condition', async () => {
    const { api, editor, upload } = setUp()
    expect((await upload('teams/red/new.bin', 5000, 'a/b', editor)).status).toBe(201)
    expect((await api.call(`/api/assets/${report}`, { method: 'DELETE', claims: editor })).status).toBe(200)
  })
})

describe('the limits of a grant', () => {
  it('hold for what is uploaded below it', async () => {
    const { upload, received, reader } = setUp()
    const inbox = 'teams/red/inbox/x'
    expect((await upload(inbox, 1000, 'image/png')).status).toBe(201)
    expect((await upload(inbox, 1, 'text/csv; charset=utf-8')).status).toBe(201)
    expect(received.map(({ maxBytes, depth }) => [maxBytes, depth])).toEqual([
      [1000, 2],
      [1000, 2],
    ])
    expect(await upload(inbox, 1001, 'image/png')).toMatchObject({ status: 413, body: { code: 'ERR_TOO_LARGE' } })
    for (const type of ['text/html', 'imagex/png', 'text/csvx']) {
      expect(await upload(inbox, 1, type)).toMatchObject({ status: 415, body: { code: 'ERR_CONTENT_TYPE_REFUSED' } })
    }
    const chosen = await setUp().api.call('/api/uploads', {
      json: { filename: 'a.png', size: 1, contentType: 'image/png' },
      claims: reader,
    })
    expect(chosen.body.key).toMatch(/^teams\/red\/inbox\/uploads\//)
  })

  it('do not bind a session with another grant to write there', async () => {
    const { upload, editor } = setUp()
    expect((await upload('teams/red/inbox/x', 5000, 'text/html', editor)).status).toBe(201)
  })

  it('hold for copies, which would go round them', async () => {
    const { api, reader, editor } = setUp()
    const copy = (claims: Record<string, unknown>) =>
      api.call('/api/assets/copy', { json: { from: report, to: 'teams/red/inbox/b' }, claims })
    expect(await copy(reader)).toMatchObject({ status: 415, body: { code: 'ERR_CONTENT_TYPE_REFUSED' } })
    expect((await copy(editor)).status).toBe(200)
  })
})

describe('packaging refuses', () => {
  const api = (grants: unknown) => () => createTestApi({} as AssetStore, { config: { grants } as never })
  it.each([
    ['an object without access', [{ path: '/a/{sub}/*' }], /grants\.0\.access: must be/],
    ['another access', [{ path: '/a/{sub}/*', access: 'write' }], /grants\.0\.access: must be 'read' or 'read-write'/],
    ['a path that is none', [{ path: '/a/{sub}', access: 'read' }], /grants\.0\.path: must look like/],
    ['an unknown field', [{ path: '/a/{sub}/*', acces: 'read' }], /unknown field `acces`; did you mean `access`/],
    ['an empty condition', [{ path: '/a/{sub}/*', access: 'read', when: { x: [] } }], /grants\.0\.when\.x: must/],
    [
      'a condition that is null',
      [{ path: '/a/{sub}/*', access: 'read', when: { x: null } }],
      /grants\.0\.when\.x: must/,
    ],
    [
      'limits of uploads beside access to read',
      [{ path: '/a/{sub}/*', access: 'read', upload: { maxBytes: 1 } }],
      /grants\.0: upload needs access: 'read-write'/,
    ],
    [
      'a media range of everything',
      [{ path: '/a/{sub}/*', access: 'read-write', upload: { contentTypes: ['*/*'] } }],
      /grants\.0\.upload\.contentTypes\.0: must be a lower-case media type/,
    ],
    ['one grant twice', ['/a/{sub}/*', { path: '/a/{sub}/*', access: 'read-write' }], /a grant is listed twice/],
  ])('%s', (_, grants, message) => {
    expect(api(grants)).toThrow(ConfigError)
    expect(api(grants)).toThrow(message)
  })
})
