import { KeepAliveConnection, type WireAnswer } from '../keep-alive.ts'
import { Random } from '../random.ts'
import { type Case, kinds, makeCase } from './cases.ts'
import { compare, type Finding, protectionOf } from './compare.ts'
import { linkFields, pathOf, randomClaim, renderDraft, signClaim } from './draft.ts'
import { type DifferentialStage, type Mode, privateFiles, startDifferentialStage } from './stage.ts'
import { startVerifier, type Verdict } from './verifier.ts'

/** How a run is started. */
export interface DifferentialOptions {
  readonly mode: Mode
  readonly cases: number
  readonly seed: string
  /** Only the case of this number, with all that is known of it. */
  readonly only?: number
  readonly concurrency?: number
  readonly log: (line: string) => void
}

/** A case on which product and verifier disagree. */
export interface Mismatch {
  readonly one: Case
  readonly finding: Finding & { readonly why: string }
  readonly verdict: Verdict
  readonly answer: WireAnswer
}

/** The outcome of a run. */
export interface DifferentialSummary {
  readonly mode: Mode
  readonly cases: number
  readonly seconds: number
  /** By kind of mutation, then by kind of finding. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Refusals by each documented stricter rule. */
  readonly rules: ReadonlyMap<string, number>
  readonly mismatches: readonly Mismatch[]
}

/** Runs cases against one mode: each is sent over HTTP and judged by the verifier, and both must agree. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialSummary> {
  const { mode, cases, seed, only, log, concurrency = 24 } = options
  const stage = await startDifferentialStage(mode)
  const verifier = await startVerifier(stage)
  const connections: KeepAliveConnection[] = []
  const counts = new Map<string, Map<string, number>>(kinds.map((kind) => [kind, new Map()]))
  const rules = new Map<string, number>()
  const mismatches: Mismatch[] = []
  try {
    const expected = await protections(stage)
    const start = performance.now()
    let next = only ?? 0
    const end = only === undefined ? cases : only + 1
    const work = async () => {
      const connection = new KeepAliveConnection(stage.address)
      connections.push(connection)
      while (next < end) {
        const number = next
        next += 1
        if (number > 0 && number % 10_000 === 0)
          log(`  ${mode}: ${number} of ${cases}, ${mismatches.length} mismatches`)
        const now = Math.floor(Date.now() / 1000)
        const one = makeCase(stage, seed, number, now)
        const [answer, verdict] = await Promise.all([
          connection.send(one.request, one.isHead),
          verifier.judge(one.request, now),
        ])
        const finding = compare(one, answer, verdict, expected)
        add(counts.get(one.kind) ?? new Map(), finding.kind)
        if ('rule' in finding) add(rules, finding.rule)
        if ('why' in finding) mismatches.push({ one, finding, verdict, answer })
        if (only !== undefined) log(describeCase(one, answer, verdict, finding))
      }
    }
    await Promise.all(Array.from({ length: only === undefined ? concurrency : 1 }, work))
    return { mode, cases: end - (only ?? 0), seconds: (performance.now() - start) / 1000, counts, rules, mismatches }
  } finally {
    for (const connection of connections) connection.close()
    verifier.stop()
    await stage.stop()
  }
}

/** The protective headers of each file as a plain request gets them, by `file <key>` and `link <key>`. */
async function protections(stage: DifferentialStage): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const now = Math.floor(Date.now() / 1000)
  const connection = new KeepAliveConnection(stage.address)
  for (const key of privateFiles) {
    for (const via of ['url', 'link'] as const) {
      const path = `${via === 'link' ? '/assets/private' : ''}${pathOf(key)}`
      const base = randomClaim(stage, new Random('plain'), now)
      const claim = {
        ...base,
        via,
        path,
        query: [],
        resource: `https://${stage.host}${path}`,
        sourceIp: undefined,
        notBefore: undefined,
        fileName: undefined,
      }
      const draft = { ...signClaim(claim), ...(via === 'link' ? { fields: linkFields(claim) } : {}) }
      const answer = await connection.send(renderDraft(draft), false)
      if (answer.status === 200) found.set(`${via === 'link' ? 'link' : 'file'} ${key}`, protectionOf(answer))
    }
  }
  connection.close()
  return found
}

function add(counts: Map<string, number>, kind: string): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

/** Everything about a case, for people; what it holds opens nothing but the files of a stage that is already gone. */
export function describeCase(one: Case, answer: WireAnswer, verdict: Verdict, finding: Finding): string {
  return [
    `case ${one.number} (${one.kinds.join(', ')}): ${finding.kind}${'why' in finding ? `: ${finding.why}` : ''}`,
    `  verifier  ${JSON.stringify(verdict)}`,
    `  product   ${answer.status} ${answer.headers.get('x-edge-signer-reason') ?? ''}`,
    `  request   ${JSON.stringify(one.request.toString('latin1'))}`,
  ].join('\n')
}

/** The table of a run, and each mismatch (of each kind the first few) with the line that replays it. */
export function describeSummary(summary: DifferentialSummary, seed: string): string {
  const { mode, cases, seconds, counts, rules, mismatches } = summary
  const columns = [
    'both-accept',
    'both-refuse',
    'stricter',
    'no-signature-needed',
    'wrongly-accepted',
    'wrongly-refused',
    'fault',
    'headers-lost',
  ]
  const lines = [
    `${mode}: ${cases} cases in ${seconds.toFixed(0)} s, seed ${seed}`,
    `  ${'mutation'.padEnd(58)}${['accept', 'refuse', 'stricter', 'open', 'WRONG+', 'WRONG-', 'FAULT', 'HEADERS'].map((name) => name.padStart(9)).join('')}`,
  ]
  const total = new Map<string, number>()
  for (const [kind, found] of counts) {
    if (found.size === 0) continue
    lines.push(`  ${kind.padEnd(58)}${columns.map((column) => String(found.get(column) ?? 0).padStart(9)).join('')}`)
    for (const column of columns) total.set(column, (total.get(column) ?? 0) + (found.get(column) ?? 0))
  }
  lines.push(`  ${'total'.padEnd(58)}${columns.map((column) => String(total.get(column) ?? 0).padStart(9)).join('')}`)
  if (rules.size > 0)
    lines.push(`  stricter by documented rule: ${[...rules].map(([rule, n]) => `${rule} ${n}`).join(', ')}`)
  const shown = new Map<string, number>()
  for (const { one, answer, verdict, finding } of [...mismatches].sort(
    (a, b) => a.one.kinds.length - b.one.kinds.length,
  )) {
    const kind = `${finding.kind} ${one.kind}`
    shown.set(kind, (shown.get(kind) ?? 0) + 1)
    if ((shown.get(kind) ?? 0) > 2) continue
    lines.push(describeCase(one, answer, verdict, finding))
    lines.push(`  replay    npm run torture -- differential --mode ${mode} --seed ${seed} --case ${one.number}`)
  }
  return lines.join('\n')
}
