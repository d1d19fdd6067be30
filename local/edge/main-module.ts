import { LocalError } from '../local-error.ts'
import type { ResponseHeadersPolicy } from '../template/model.ts'
import type { EdgeConfig } from './edge-config.ts'

/**
 * The text of `main.js`, which joins the modules and has everything that nginx calls. What it knows of the distribution is
 * written as code, because njs would make objects of data anew for each request.
 *
 * @param functions logical ids of the deployed functions.
 */
export function mainModule(config: EdgeConfig, functions: readonly string[]): string {
  const names = new Map(functions.map((id, index) => [id, `function${index}`]))
  const loader = (id: string | null) => (id === null ? 'null' : (names.get(id) ?? throwUnknown(id)))
  const behaviours = [...config.behaviours.entries()].filter(([, behaviour]) => behaviour.plain)
  const plain = behaviours.map(([index]) => index)
  return [
    "import plain from 'plain.js'",
    "import loadWhole from 'whole.js'",
    ...functions.map((id, index) => `import load${index} from '${id}.js'`),
    'let loadedWhole',
    'function whole() {',
    '  if (loadedWhole === undefined) {',
    '    loadedWhole = loadWhole()',
    ...functions.map((id, index) => `    loadedWhole.use(${text(id)}, function${index})`),
    '  }',
    '  return loadedWhole',
    '}',
    ...functions.flatMap((_, index) => [
      `let loaded${index}`,
      `function function${index}() { return loaded${index} === undefined ? (loaded${index} = load${index}()) : loaded${index} }`,
    ]),
    'function behaviour(index) {',
    '  switch (index) {',
    ...behaviours.map(([index, { signed, viewerRequest, viewerResponse, responseHeaders }]) =>
      [
        `    case ${index}: return { signed: ${signed}, viewerRequest: ${loader(viewerRequest)}, viewerResponse: ${loader(viewerResponse)},`,
        `      setHeaders: (headers) => { ${policyCode(responseHeaders)} } }`,
      ].join('\n'),
    ),
    '  }',
    '}',
    `const edge = { distributionId: ${text(config.distributionId)}, keyGroupGenerationFile: ${text(config.keyGroupGenerationFile)}, behaviour: behaviour, whole: whole }`,
    // njs takes the value of what ran last, which may be a promise's reaction: nothing can be told by it.
    "function decide(r) { plain.decide(edge, r); return '' }",
    ...plain.map((index) => `function finishPlain${index}(r) { plain.finish(edge, ${index}, r) }`),
    ...['respond', 'answerRefusal', 'finish', 'finishPage', 'finishLink'].map(
      (name) => `function ${name}(r) { return whole().${name}(r) }`,
    ),
    'export default {',
    '  decide, respond, refuse: answerRefusal, finish, finishPage, finishLink,',
    ...plain.map((index) => `  finishPlain${index},`),
    '}',
    '',
  ].join('\n')
}

/**
 * A policy's removals and headers as statements. CORS has no part in a response to a request without `Origin`, which the bucket
 * answers without any header of it.
 */
function policyCode(policy: ResponseHeadersPolicy | null): string {
  if (policy === null) return ''
  const removed = policy.remove.map((name) => `delete headers[${text(name)}];`)
  const set = policy.set.map(({ name, value, override }) => {
    const key = text(name)
    return `${override ? '' : `if (headers[${key}] === undefined) `}headers[${key}] = { value: ${text(value)} };`
  })
  return [...removed, ...set].join(' ')
}

/** A text as JavaScript. */
function text(value: string): string {
  return JSON.stringify(value)
}

function throwUnknown(id: string): never {
  throw new LocalError(`The template has no code for the CloudFront Function ${id}.`)
}
