import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import type * as edgeClient from '../../../client/index.ts'
import type { Visitor } from '../../support/chromium.ts'
import type { BrowserStage } from '../browser/stage.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

let bundled: Promise<string> | undefined

/** The library as a classic script that defines `edge`, for pages and workers. */
export function clientScript(): Promise<string> {
  bundled ??= build({
    entryPoints: [`${root}client/index.ts`],
    bundle: true,
    format: 'iife',
    globalName: 'edge',
    target: 'es2022',
    write: false,
  }).then(({ outputFiles }) => (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script'))
  return bundled
}

/** The globals of such a page, for functions that run in it. */
export interface ClientGlobals {
  edge: typeof edgeClient
  client: edgeClient.EdgeClient
}

/** Opens a page of the app with `edge`, and `client` for the stage's CDN. */
export async function openClientPage(stage: BrowserStage, page: Page): Promise<void> {
  const client = `var client = edge.createEdgeClient({ cdn: ${JSON.stringify(stage.cdn)} })`
  stage.app.setPage('/client', `<script>${await clientScript()}\n${client}</script>`)
  await page.goto(`${stage.app.origin}/client`)
}

/** A visitor with an app session, on such a page. */
export async function clientVisitor(stage: BrowserStage, ttl?: number): Promise<Visitor> {
  const visitor = await stage.visit()
  await stage.signIn(visitor, 'alice', ttl)
  await openClientPage(stage, visitor.page)
  return visitor
}

/** Requests that end in this text, in order. */
export function requestsTo({ requests }: Visitor, end: string): readonly string[] {
  return requests.filter((request) => request.url().endsWith(end)).map((request) => request.headers().range ?? '')
}
