import { expect, it } from 'vitest'
import type { FunctionRequest, FunctionResponse } from '../../../../shared/cloudfront/function-event.ts'
import { revocationKey, revocationValue, stampKeyName } from '../../../../shared/revocation/key-value.ts'
import { issueStamp } from '../../../../shared/revocation/stamp.ts'
import { eventHost, type RequestParts, viewerRequestEvent } from '../../../support/function-events.ts'
import { describeWithNjs, runFunction, type StoreContent } from '../../../support/njs.ts'
import { buildGuard } from './guard-bundle.ts'

const stampKey = 'c3RhbXAta2V5LWZvci10ZXN0cy1vbmx5LTAxMjM0NTY3ODk'
const before = 1_800_000_000
const prefix = '/users/alice/'
const revoked = { [stampKeyName]: stampKey, [revocationKey(prefix)]: revocationValue(before) }

const withStamp = (stamp: string, rest: RequestParts = {}): RequestParts => ({
  ...rest,
  cookies: { 'edge-issued': { value: stamp } },
})
const stampAt = (epoch: number, p = prefix, host = eventHost, key = stampKey) => issueStamp(key, host, p, epoch)

async function outcomes(parts: RequestParts[], store: StoreContent, settings = {}): Promise<string[]> {
  const results = await runFunction(await buildGuard(settings), parts.map(viewerRequestEvent), store)
  return results.map(outcomeOf)
}

function outcomeOf(result: FunctionRequest | FunctionResponse): string {
  return 'uri' in result ? 'passed' : `${result.statusCode} ${JSON.parse(result.body?.data ?? '{}').code}`
}

describeWithNjs('the revocation check of the guard', () => {
  it('lets everybody pass where nothing is revoked, with or without a stamp', async () => {
    expect(await outcomes([{}, withStamp('forged'), { uri: '/users/bob/x' }], {})).toEqual([
      'passed',
      'passed',
      'passed',
    ])
    expect(
      await outcomes([{ uri: '/users/bob/x' }, { uri: '/users/alice2/x' }, { uri: '/public/alice/x' }], revoked),
    ).toEqual(Array(3).fill('passed'))
  })

  it('refuses a revoked prefix at any depth below it, also HEAD', async () => {
    const parts = [{}, { uri: prefix }, { uri: '/users/alice/a/b/c' }, { method: 'HEAD' }]
    expect(await outcomes(parts, revoked)).toEqual(parts.map(() => '403 ERR_ACCESS_REVOKED'))
  })

  it('passes a stamp made after the revocation, and none made before or in that second', async () => {
    const parts = [before + 1, before, before - 1, 0].map((epoch) => withStamp(stampAt(epoch)))
    expect(await outcomes(parts, revoked)).toEqual(['passed', ...Array(3).fill('403 ERR_ACCESS_REVOKED')])
  })

  it('refuses a stamp that was not made for this key, host, prefix and time', async () => {
    const good = stampAt(before + 1)
    const forged = [
      stampAt(before + 1, '/users/bob/'),
      stampAt(before + 1, prefix, 'other.example.com'),
      stampAt(before + 1, prefix, eventHost, 'another key'),
      good.replace(/^\d+/, String(before + 2)),
      `0${good}`,
      ` ${good}`,
      `${good}x`,
      good.slice(0, -1),
      good.split('.')[0] as string,
      `${before + 1}.`,
      '',
      '.',
      'NaN.x',
      'Infinity.x',
    ]
    expect(
      await outcomes(
        forged.map((stamp) => withStamp(stamp)),
        revoked,
      ),
    ).toEqual(forged.map(() => '403 ERR_ACCESS_REVOKED'))
  })

  it('finds the good stamp beside a leftover of the same name', async () => {
    const old = { value: stampAt(before - 1) }
    const parts = [
      { cookies: { 'edge-issued': { ...old, multiValue: [old, { value: stampAt(before + 1) }] } } },
      { cookies: { 'edge-issued': { ...old, multiValue: [old, { value: 'forged' }] } } },
    ]
    expect(await outcomes(parts, revoked)).toEqual(['passed', '403 ERR_ACCESS_REVOKED'])
  })

  it('refuses a signed URL on a revoked prefix, whatever stamp comes with it', async () => {
    const names = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']
    const parts = names.map((name) => withStamp(stampAt(before + 1), { querystring: { [name]: { value: 'x' } } }))
    expect(await outcomes(parts, revoked)).toEqual(names.map(() => '403 ERR_ACCESS_REVOKED'))
    const other = withStamp(stampAt(before + 1), { querystring: { v: { value: '1' } } })
    expect(await outcomes([other], revoked)).toEqual(['passed'])
  })

  it('knows the host of the stage where there is one, else the lower-case Host', async () => {
    const stage = { cdnHost: 'cdn.example.com', certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/x' }
    const parts = [withStamp(stampAt(before + 1, prefix, 'cdn.example.com')), withStamp(stampAt(before + 1))]
    expect(await outcomes(parts, revoked, stage)).toEqual(['passed', '403 ERR_ACCESS_REVOKED'])
    const upper = withStamp(stampAt(before + 1), { headers: { host: eventHost.toUpperCase() } })
    expect(await outcomes([upper], revoked)).toEqual(['passed'])
  })

  it('looks at every depth that the templates of the first segment have', async () => {
    const settings = { grants: ['/users/{sub}/*', '/users/{sub}/teams/{claims.team}/*'] }
    const deep = '/users/alice/teams/red/'
    const store = { [stampKeyName]: stampKey, [revocationKey(deep)]: revocationValue(before) }
    const parts = [
      { uri: '/users/alice/x' },
      { uri: `${deep}x` },
      withStamp(stampAt(before + 1, deep), { uri: `${deep}x` }),
      withStamp(stampAt(before + 1), { uri: `${deep}x` }),
    ]
    expect(await outcomes(parts, store, settings)).toEqual(['passed', '403 ERR_ACCESS_REVOKED', 'passed', 'passed'])
    const both = { ...store, [revocationKey(prefix)]: revocationValue(before + 10) }
    const late = [before + 1, before + 10, before + 11].map((epoch) => withStamp(stampAt(epoch), { uri: `${deep}x` }))
    expect(await outcomes(late, both, settings)).toEqual(['403 ERR_ACCESS_REVOKED', '403 ERR_ACCESS_REVOKED', 'passed'])
  })

  it('closes a prefix whose entry is damaged', async () => {
    for (const entry of ['', '{}', 'null', '[]', '{"before":null}', '{"before":"0"}', '{"before":-1']) {
      const store = { ...revoked, [revocationKey(prefix)]: entry }
      expect(await outcomes([withStamp(stampAt(before + 1))], store), entry).toEqual(['403 ERR_ACCESS_REVOKED'])
    }
    const negative = { ...revoked, [revocationKey(prefix)]: '{"before":-1}' }
    expect(await outcomes([{}], negative)).toEqual(['403 ERR_ACCESS_REVOKED'])
  })

  it('closes granted prefixes, and only those, without the KeyValueStore', async () => {
    const parts = [{}, withStamp(stampAt(before + 1)), { uri: '/public/x' }]
    expect(await outcomes(parts, 'broken')).toEqual([
      '503 ERR_STATE_UNAVAILABLE',
      '503 ERR_STATE_UNAVAILABLE',
      'passed',
    ])
  })

  it('closes a revoked prefix without the stamp key', async () => {
    const store = { [revocationKey(prefix)]: revocationValue(before) }
    expect(await outcomes([withStamp(stampAt(before + 1))], store)).toEqual(['503 ERR_STATE_UNAVAILABLE'])
  })
})
