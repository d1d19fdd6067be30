import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Folder for screenshots of each state, to be looked at; none are made without it. */
const shots = process.env.SCREENSHOTS

/** Checks a state with axe, light and dark, narrow and wide, and takes its picture. */
export async function look(page: Page, state: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      expect(overflow, `${state} at ${width}: sideways scroll`).toBeLessThanOrEqual(0)
      if (shots === undefined) continue
      mkdirSync(shots, { recursive: true })
      await page.screenshot({ path: join(shots, `${state}-${colorScheme}-${width}.png`) })
    }
    // Through the debugger, which no policy of the page stops.
    const found = await page.evaluate(`${axe}; axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`)
    expect(found, `${state}, ${colorScheme}`).toEqual([])
  }
}
