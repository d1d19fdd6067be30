import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { resourceFields } from '../cloudfront/template/fields.ts'
import type { Template } from '../cloudfront/template/intrinsics.ts'

/** The path of a Lambda function's bundle, and the name of its handler. */
export interface LambdaBundle {
  readonly file: string
  readonly exportName: string
}

/** Returns the bundle that a function's `Handler` names in the package's folder, such as `dist/session/index.handler`. */
export function lambdaBundle(template: Template, logicalId: string, packageDirectory: string): LambdaBundle {
  const handler = resourceFields(template, logicalId, 'AWS::Lambda::Function').text('Handler')
  const dot = handler.lastIndexOf('.')
  return { file: join(packageDirectory, `${handler.slice(0, dot)}.cjs`), exportName: handler.slice(dot + 1) }
}

/** A handler, in the form in which Lambda calls it. */
export type LambdaHandler = (event: unknown, context: unknown) => unknown

/**
 * Runs a packaged CommonJS bundle and returns its handler. `require` is not used, because it would pass the bundle through the
 * TypeScript loader. If the bundle fails to load, each invocation fails, as at Lambda.
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
