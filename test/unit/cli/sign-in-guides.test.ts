/** The guides of docs/sign-in: each configuration parses, and a token with the claims shown grants every template. */
import { readdirSync, readFileSync } from 'node:fs'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { explainSession } from '../../../cli/explain-session/run.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../shared/config/stage-config.ts'

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
})
