import { describe, expect, it } from 'vitest'
import { isHeld, proseFaults } from '../check-prose.ts'

describe('the prose check', () => {
  it.each([
    ['a doc comment that opens with a relative clause', '/** Where uploads are kept. */'],
    ['one that opens so on its second line', '/**\n * Whether the path is signed.\n */'],
    ['a limit that is not named max', 'const mostParts = 10_000'],
    ['idioms of another language', '// It is told, and whoever asks is served all the same.'],
  ])('finds %s', (_, text) => {
    expect(proseFaults('a.ts', text).length).toBeGreaterThan(0)
  })

  it('names the line and the words', () => {
    expect(proseFaults('a.md', 'one\ntwo\nthen mend it\n')).toMatchObject([{ line: 3, words: 'mend' }])
  })

  it.each(['/** Returns where uploads are kept. */', 'const maxParts = 10_000', '// Recommended: amend the policy.'])(
    'passes %s',
    (text) => {
      expect(proseFaults('a.ts', text)).toEqual([])
    },
  )

  it('applies the rules about code to source files only', () => {
    expect(proseFaults('a.md', 'The old name was mostParts.')).toEqual([])
  })

  it('finds a line of documentation over 120 columns, and no such line of code', () => {
    const text = `short\n${'x'.repeat(121)}\n`
    expect(proseFaults('a.md', text)).toMatchObject([{ line: 2 }])
    expect(proseFaults('a.md', text.replace('xx', 'x'))).toEqual([])
    expect(proseFaults('a.ts', text)).toEqual([])
  })

  it('counts a folder by its whole name', () => {
    expect(isHeld('cli/main.ts')).toBe(true)
    expect(isHeld('cli-other/main.ts')).toBe(false)
  })
})
