/** The guides of docs/sign-in: each configuration parses, and a token with the claims shown grants every template. */
import { readdirSync, readFileSync } from 'node:fs'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { explainSession } from '../../../cli/explain-session/run.ts'
import { sessionFunctionConfig } from '../../../functions/session/config.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../shared/config/stage-config.ts'
import { grantsFor } from '../../../shared/grant/grants-for.ts'
import { edgeFunction, keyDocument } from '../functions/session/edge.ts'

afterEach(() => vi.restoreAllMocks())

const folder = new URL('../../../docs/sign-in/', import.meta.url)
const guides = readdirSync(folder).filter((name) => name !== 'README.md')
const now = 1_767_225_600
const secret = 'a-session-secret-for-tests-only-32-bytes-or-more'

function readGuide(name: string): { stage: StageConfigInput; claims: Record<string, unknown> } {
  const text = readFileSync(new URL(name, folder), 'utf8')
  const block = (language: string) => new RegExp(`\`\`\`${language}\\n(.*?)\\n\`\`\``, 's').exec(text)?.[1] ?? ''
  return { stage: new Function(`return {${block('ts')}}`)(), claims: JSON.parse(block('json')) }
}

async function tokenOf(claims: Record<string, unknown>, alg: string) {
  const signer = new SignJWT({ ...claims, iat: now - 5, exp: now + 600 })
  if (alg === 'HS256') {
    const text = await signer.setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret))
    return { text, trust: { keySet: undefined, secret } }
  }
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg, use: 'sig' }]
  const text = await signer.setProtectedHeader({ alg, kid: 'k1' }).sign(privateKey)
  return { text, trust: { keySet: { fault: undefined, keys, answeredAt: now }, secret: undefined } }
}

describe('docs/sign-in', () => {
  it('has ten guides, and lists each', () => {
    const index = readFileSync(new URL('README.md', folder), 'utf8')
    expect(guides).toHaveLength(10)
    expect(guides.filter((name) => !index.includes(`(${name})`))).toEqual([])
  })

  it.each(guides)('%s has a configuration that accepts such a token and grants each template', async (name) => {
    const { stage, claims } = readGuide(name)
    const { config } = parseDeployment({ service: 'test', defaults: {}, stages: { test: stage } }, 'test')
    const { text, trust } = await tokenOf(claims, config.session.algorithms[0] ?? '')
    const report = await explainSession(text, config, trust, now)
    expect(report.results.filter(({ status }) => status !== 'pass')).toEqual([])
    expect(report.verdict).toBe('granted')
    expect(stage.grants?.length).toBeGreaterThan(1)
  })

  it.each(guides)('%s: the session function sets cookies of each grant for such a token', async (name) => {
    const { stage, claims } = readGuide(name)
    const deployment = parseDeployment({ service: 'test', defaults: {}, stages: { test: stage } }, 'test')
    const { session, grants } = deployment.config
    const { text, trust } = await tokenOf(claims, session.algorithms[0] ?? '')
    const { send, stores, clock } = edgeFunction(sessionFunctionConfig(deployment))
    clock.now = now
    stores.keySet = () => ({ keys: trust.keySet?.keys ?? [] })
    stores.secret = () => JSON.stringify({ ...keyDocument, sessionSecret: secret })
    const { prefixes } = grantsFor({ sub: String(claims.sub), claims }, grants, 8)
    for (const headers of [{ authorization: `Bearer ${text}` }, { cookie: `${session.cookieName}=${text}` }]) {
      const reply = await send({ headers })
      expect([reply.status, reply.code]).toEqual([200, undefined])
      expect(JSON.parse(reply.text).prefixes).toEqual(prefixes)
      const signed = reply.cookies.filter((cookie) => cookie.name === 'CloudFront-Signature')
      expect(signed.map(({ attributes }) => attributes.get('path'))).toEqual(prefixes)
    }
  })

  it.each(guides)('%s: the session function refuses such a token with one letter changed', async (name) => {
    const { stage, claims } = readGuide(name)
    const deployment = parseDeployment({ service: 'test', defaults: {}, stages: { test: stage } }, 'test')
    const { text, trust } = await tokenOf(claims, deployment.config.session.algorithms[0] ?? '')
    const { send, stores, clock } = edgeFunction(sessionFunctionConfig(deployment))
    clock.now = now
    stores.keySet = () => ({ keys: trust.keySet?.keys ?? [] })
    stores.secret = () => JSON.stringify({ ...keyDocument, sessionSecret: secret })
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const at = text.lastIndexOf('.') + 10
    const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
    const reply = await send({ headers: { authorization: `Bearer ${changed}` } })
    expect([reply.status, reply.code, reply.lines]).toEqual([401, 'ERR_SESSION_INVALID', []])
  })
})
