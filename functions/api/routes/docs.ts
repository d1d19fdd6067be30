import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import type { OpenAPIV3_1 } from 'openapi-types'
import type { ApiEnv } from '../actor.ts'

/** `/api/openapi.json` and, made from it, `/api/docs`. `generate` runs once, when the first of them is asked for. */
export function docsRoutes(generate: () => Promise<OpenAPIV3_1.Document>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  let made: Promise<OpenAPIV3_1.Document> | undefined
  const document = () => {
    made ??= generate()
    return made
  }
  app.get('/openapi.json', async (context) => context.json(await document()))
  app.get('/docs', async (context) => {
    const page = apiDocsPage(await document())
    // Nothing but its own text and style: no script, no frame, no request.
    context.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    return context.html(page)
  })
  return app
}

type Html = HtmlEscapedString | Promise<HtmlEscapedString>
type Schema = OpenAPIV3_1.SchemaObject

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f4;border-radius:4px}code{padding:.1em .3em}
pre{padding:.8rem;overflow-x:auto}h3{margin:2.5rem 0 .3rem}.method{display:inline-block;min-width:4.5rem;color:#0550ae}
details{margin:.4rem 0}summary{cursor:pointer}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}
code,pre{background:#222}.method{color:#7cb7ff}}`

/** The OpenAPI document as one page for people: complete without a script and without another request. */
function apiDocsPage(document: OpenAPIV3_1.Document): Html {
  const routes = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as OpenAPIV3_1.OperationObject,
    })),
  )
  const tags = [...new Set(routes.map(({ operation }) => operation.tags?.[0] ?? ''))]
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${document.info.title}</title><style>${raw(style)}</style></head><body>
<h1>${document.info.title}</h1><p>${document.info.description ?? ''}</p>
<p>The same as <a href="openapi.json">OpenAPI 3.1</a>.</p>
<ul>${tags.map((tag) => html`<li><a href="#${tag}">${tag}</a></li>`)}</ul>
${tags.map(
  (tag) =>
    html`<h2 id="${tag}">${tag}</h2>${routes
      .filter(({ operation }) => operation.tags?.[0] === tag)
      .map((route) => operationSection(route, document))}`,
)}
</body></html>`
}

function operationSection(
  { path, method, operation }: { path: string; method: string; operation: OpenAPIV3_1.OperationObject },
  document: OpenAPIV3_1.Document,
): Html {
  const body = operation.requestBody
  const content = body !== undefined && 'content' in body ? body.content['application/json']?.schema : undefined
  return html`<section><h3><code><span class="method">${method}</span> ${path}</code></h3>
<p><strong>${operation.summary ?? ''}</strong> ${operation.description ?? ''}</p>
${parameters(operation)}
${content === undefined ? '' : html`<details><summary>Body</summary><pre>${printSchema(content as Schema, document)}</pre></details>`}
${Object.entries(operation.responses ?? {}).map(([status, response]) => {
  const known = 'description' in response ? response : undefined
  const schema = known && 'content' in known ? known.content?.['application/json']?.schema : undefined
  const lines = (known?.description ?? '').split('\n\n')
  return html`<details><summary><code>${status}</code> ${lines.length === 1 ? lines[0] : ''}</summary>
${lines.length === 1 ? '' : html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`}
${schema === undefined ? '' : html`<pre>${printSchema(schema as Schema, document)}</pre>`}</details>`
})}</section>`
}

function parameters(operation: OpenAPIV3_1.OperationObject): Html | '' {
  const known = (operation.parameters ?? []).flatMap((parameter) => ('name' in parameter ? [parameter] : []))
  if (known.length === 0) return ''
  return html`<ul>${known.map(
    ({ name, in: place, required, description }) =>
      html`<li><code>${name}</code> (${place}${required ? '' : ', optional'}) ${description ?? ''}</li>`,
  )}</ul>`
}

/** A schema as an indented outline: `name: type`, `?` where optional, with its description behind. */
function printSchema(
  schema: Schema | OpenAPIV3_1.ReferenceObject,
  document: OpenAPIV3_1.Document,
  indent = '',
): string {
  if ('$ref' in schema) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    const target = document.components?.schemas?.[name]
    return target === undefined ? name : printSchema(target as Schema, document, indent)
  }
  const options = schema.anyOf ?? schema.oneOf
  if (options !== undefined) {
    return options.map((option) => printSchema(option as Schema, document, indent)).join(`\n${indent}or `)
  }
  if (schema.type === 'array') return `list of ${printSchema((schema.items ?? {}) as Schema, document, indent)}`
  if (schema.properties !== undefined) {
    const lines = Object.entries(schema.properties).map(([name, property]) => {
      const optional = schema.required?.includes(name) ? '' : '?'
      const note = 'description' in property && property.description ? `   # ${property.description}` : ''
      return `${indent}  ${name}${optional}: ${printSchema(property as Schema, document, `${indent}  `)}${note}`
    })
    return `{\n${lines.join('\n')}\n${indent}}`
  }
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  return String(schema.type ?? 'object')
}
