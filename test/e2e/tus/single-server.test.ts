/** The whole single server with each upload server: what it tells other users of the machine, and what its faults cost a client. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type UploadTarget } from './upload-target.ts'

describe.each(uploadServerKinds())('a single server with %s', (kind) => {
  let target: UploadTarget
  beforeAll(async () => {
    target = await startUploadTarget(kind)
  })
  afterAll(() => target?.stop())

  it.runIf(process.platform === 'linux')('has no secret in the process list but the path that tusd asks at', () => {
    const state = target.emulation.state.directory
    const stampKey = JSON.parse(readFileSync(join(state, 'secret.json'), 'utf8')).stampKey as string
    const secrets = [readFileSync(join(state, 'link-secret'), 'utf8'), stampKey]
    const commands = ownProcesses().map(({ command }) => command)
    expect(commands.some((command) => command.includes('api-process.ts'))).toBe(true)
    expect(commands.filter((command) => secrets.some((secret) => command.includes(secret)))).toEqual([])
    // Settings of a process of ours would bring the path with them.
    expect(commands.filter((command) => /hooks-?path/i.test(command))).toEqual([])
    const knowing = commands.filter((command) => command.includes('-hooks-http='))
    expect(knowing).toHaveLength(kind === 'tusd' ? 1 : 0)
    const hooksPath = knowing[0]?.match(/-hooks-http=\S+:\d+(\/\S+)/)?.[1]
    expect(commands.filter((command) => hooksPath !== undefined && command.includes(hooksPath))).toEqual(knowing)
  })
})

/** The processes that this one has started, with their command lines as any user of the machine sees them. */
function ownProcesses(): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // Behind the name, which is in parentheses: state and parent.
        const parent = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]
        if (Number(parent) !== process.pid) return []
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
      } catch {
        return []
      }
    })
}
