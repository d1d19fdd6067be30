import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A handler as Lambda calls it. */
export type LambdaHandler = (event: unknown, context: unknown) => unknown

/**
 * Runs a packaged CommonJS bundle as it is (a `require` here would send it through the TypeScript loader first) and gives its
 * handler. As at Lambda, a bundle that fails while it loads fails each invocation, not the system around it.
 */
export function loadBundle(file: string, exportName: string, log: (line: string) => void): LambdaHandler {
  try {
    const bundle = { exports: {} as Record<string, unknown> }
    const run = new Function('exports', 'require', 'module', '__filename', readFileSync(file, 'utf8'))
    run(bundle.exports, createRequire(file), bundle, file)
    const handler = bundle.exports[exportName]
    if (typeof handler !== 'function') throw new Error(`${file} exports no ${exportName}`)
    return handler as LambdaHandler
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    log(`${file} does not load: ${why}`)
    return () => {
      throw new Error(`the function does not load: ${why}`)
    }
  }
}
