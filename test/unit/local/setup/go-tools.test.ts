import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { canBuildGoTools } from '../../../../local/setup/go-tools.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-signer-go-'))
  vi.stubEnv('PATH', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** A Go that does nothing but say its version. */
const installGo = (script: string) => writeFileSync(join(folder, 'go'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })

describe('the Go that builds tools', () => {
  it.each([
    ['go1.19.8', false],
    ['go1.22.2', false],
    ['go1.25', true],
    ['go1.26.1', true],
    ['go2.0', true],
    ['devel', false],
  ])('%s: %s', async (version, enough) => {
    installGo(`echo "go version ${version} linux/amd64"`)
    expect(await canBuildGoTools()).toBe(enough)
  })

  it('must run', async () => {
    installGo('exit 1')
    expect(await canBuildGoTools()).toBe(false)
  })
})
