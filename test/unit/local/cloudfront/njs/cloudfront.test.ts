import { expect, it } from 'vitest'
import { describeWithNjs, runFunction } from '../../../../support/njs.ts'

/** A function that asks its store whatever the event says. */
const asking = `import cf from 'cloudfront'
const store = cf.kvs()
async function handler(event) {
  try {
    const answer = await store[event.call](event.key, event.options)
    return { answer: answer }
  } catch (error) {
    return { error: error.message }
  }
}`

describeWithNjs('the KeyValueStore of the emulation', () => {
  const content = { 'revoked/users/alice/': '{"before":1}', empty: '', é: 'ü' }

  it('answers for a key that is there', async () => {
    const events = [
      { call: 'exists', key: 'revoked/users/alice/' },
      { call: 'exists', key: 'empty' },
      { call: 'get', key: 'revoked/users/alice/' },
      { call: 'get', key: 'revoked/users/alice/', options: { format: 'json' } },
      { call: 'get', key: 'empty' },
      { call: 'get', key: 'é' },
    ]
    const answers = [true, true, '{"before":1}', { before: 1 }, '', 'ü'].map((answer) => ({ answer }))
    expect(await runFunction<object>(asking, events, content)).toEqual(answers)
  })

  it('answers false, or throws from get, for a key that is not there', async () => {
    const events = ['exists', 'get'].map((call) => ({ call, key: 'revoked/users/bob/' }))
    expect(await runFunction<object>(asking, events, content)).toEqual([{ answer: false }, { error: 'KeyNotFound' }])
  })

  it('counts its keys', async () => {
    const [meta] = await runFunction<object>(asking, [{ call: 'meta' }], content)
    expect(meta).toMatchObject({ answer: { keyCount: 3, lastUpdatedDateTime: expect.stringMatching(/^\d{4}-.*Z$/) } })
  })

  it('fails every look-up without an association', async () => {
    const events = ['exists', 'get', 'meta'].map((call) => ({ call, key: 'empty' }))
    const failure = { error: 'KeyValueStore is not associated' }
    expect(await runFunction<object>(asking, events, 'broken')).toEqual([failure, failure, failure])
  })
})
