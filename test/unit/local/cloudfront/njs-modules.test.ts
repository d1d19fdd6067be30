import { describe, expect, it } from 'vitest'
import { lazyModule } from '../../../../local/cloudfront/njs-modules.ts'

describe('lazyModule', () => {
  it('runs the code of a deployed function when it is called, and not before', async () => {
    const code = 'globalThis.ran = (globalThis.ran || 0) + 1\nfunction handler(event) { return event.request }'
    const text = lazyModule(code, (script) => `${script}\nreturn handler;`)
    const module = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as { default: () => unknown }
    const world = globalThis as { ran?: number }
    expect(world.ran).toBeUndefined()
    const handler = module.default() as (event: unknown) => unknown
    expect([world.ran, handler({ request: 7 })]).toEqual([1, 7])
  })

  it('leaves the imports of the runtime outside', () => {
    const code = 'import cf from "cloudfront";\nimport crypto from \'crypto\'\nvar store=cf.kvs();function handler(){}'
    const text = lazyModule(code, (script) => `${script}\nreturn handler;`)
    expect(text.split('\n').slice(0, 3)).toEqual([
      'import cf from "cloudfront";',
      "import crypto from 'crypto'",
      'function load() {',
    ])
    expect(text.match(/import/g)).toHaveLength(2)
  })
})
