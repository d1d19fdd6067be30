import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, describe, expect, it } from 'vitest'
import { addDemo, addStart, stageOptions } from '../../../../server/commands/start.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'edge-signer-content-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('--content', () => {
  it('takes a folder, and leaves the default to the command', () => {
    expect(stageOptions({ content: folder })).toEqual({ content: folder })
    expect(stageOptions({ port: 0 })).toEqual({ port: 0 })
  })

  it('makes none: a mistyped name would be an empty bucket', () => {
    const content = join(folder, 'nowhere')
    expect(() => stageOptions({ content })).toThrow(
      expect.objectContaining({ name: 'LocalError', message: expect.stringContaining(`${content} is not there`) }),
    )
    expect(existsSync(content)).toBe(false)
  })

  it('takes no file', () => {
    const content = join(folder, 'file')
    writeFileSync(content, '')
    expect(() => stageOptions({ content })).toThrow(
      expect.objectContaining({ name: 'LocalError', message: expect.stringContaining(`${content} is not a folder`) }),
    )
  })
})

describe('the help', () => {
  const help = (name: string) => {
    const program = new Command()
    addStart(program, () => {})
    addDemo(program, () => {})
    return (
      program.commands
        .find((command) => command.name() === name)
        ?.helpInformation()
        .replace(/\s+/g, ' ') ?? ''
    )
  }

  it('says for each command what it does by default', () => {
    expect(help('start')).toMatch(/default: 8080.*default: \.local\/content/)
    expect(help('demo')).toMatch(/default: a free one.*default: a temporary folder/)
  })

  it('offers the demo nothing that its client would not notice', () => {
    expect(help('start')).toMatch(/--cookie-domain.*--duplicates/)
    expect(help('demo')).not.toMatch(/--cookie-domain|--app|unknown:/)
  })
})
