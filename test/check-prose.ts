/**
 * `npm run check:prose`: the rules of CONTRIBUTING.md that a machine can check, over comments, documentation, error texts and
 * test titles. Prints `file:line` with the words that break a rule, and exits with 1 if there are any. With `--all` it also
 * reads the folders that are not held to the rules yet.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** A broken rule at a place. */
export interface ProseFault {
  readonly line: number
  readonly words: string
  readonly rule: string
}

/** Folders and files that are held to the rules. A folder is added once it passes and is never removed. */
const held = [
  'CHANGELOG.md',
  'README.md',
  'SECURITY.md',
  'cli/',
  'compose.yaml',
  'deploy/',
  'docs/',
  'edge-signer.config.ts',
  'functions/guard/',
  'functions/headers/',
  'functions/not-found/',
  'functions/publish/',
  'functions/rotate-key/',
  'infra/',
  'serverless.yml',
  'shared/aws/',
  'shared/cloudfront/',
  'shared/http/',
  'shared/read/',
  'shared/session/',
  'test/bench/',
  'test/e2e/browser/',
  'test/e2e/demo/',
  'test/e2e/serve/',
  'test/e2e/tus/',
  'test/support/',
  'test/torture/differential/',
  'test/torture/faults/',
  'test/torture/lifecycle/',
  'test/torture/load/',
  'test/unit/cli/',
  'test/unit/deploy/',
  'test/unit/functions/guard/',
  'test/unit/functions/headers/',
  'test/unit/functions/provision/',
  'test/unit/functions/session/',
  'test/unit/infra/',
  'test/unit/local/',
  'test/unit/server/',
  'test/unit/shared/cloudfront/',
  'test/unit/shared/grant/',
  'test/unit/shared/http/',
  'test/unit/shared/keys/',
  'test/unit/shared/read/',
  'test/unit/shared/session/',
  'test/unit/torture/',
]

/** Files that quote the words that they forbid. */
const exempt = ['CONTRIBUTING.md', 'test/check-prose.ts', 'test/unit/check-prose.test.ts']

const opening = 'a doc comment starts with a noun phrase or a third-person verb'
const plain = 'say it in the words of an AWS or Node engineer'
const maximum = 'a limit is named max…'
const width = 'a line of documentation has at most 120 columns'

const source = /\.(ts|mjs|js)$/
const page = /\.md$/

const rules: ReadonlyArray<{ readonly rule: string; readonly pattern: RegExp; readonly files?: RegExp }> = [
  { rule: opening, pattern: /\/\*\*\s+(?:\* )?(?:What|Where|Whether|Whose|Whom|Who|Has|Had)\b/g, files: source },
  { rule: maximum, pattern: /\b(?:most|longest|largest)[A-Z]\w*/g, files: source },
  { rule: width, pattern: /^.{121,}$/gmu, files: page },
  { rule: plain, pattern: /\bwho(?:m)?ever\b/gi },
  { rule: plain, pattern: /\bof (?:ours|theirs)\b(?!\))/gi },
  { rule: plain, pattern: /\banew\b/gi },
  { rule: plain, pattern: /\ball the same\b/gi },
  { rule: plain, pattern: /\bto be had\b/gi },
  { rule: plain, pattern: /\b(?:is|are|was|were|be|been|as) told\b/gi },
  { rule: plain, pattern: /\b(?:comes?|came|coming) along\b/gi },
  { rule: plain, pattern: /\bmend(?:s|ed|ing)?\b/gi },
  { rule: plain, pattern: /\b(?:taken|(?:takes?|took) (?:it|them|this|that)) for (?:an?|the|one|its?)\b/gi },
]

/** Returns every broken rule of a file's text, in the order of the rules. */
export function proseFaults(file: string, text: string): ProseFault[] {
  return rules
    .filter(({ files }) => files === undefined || files.test(file))
    .flatMap(({ rule, pattern }) =>
      [...text.matchAll(pattern)].map((match) => ({
        line: text.slice(0, match.index).split('\n').length,
        words: match[0].replaceAll(/\s+/g, ' ').slice(0, 60),
        rule,
      })),
    )
}

/** Returns whether a file is in one of the folders that are held to the rules. */
export function isHeld(file: string): boolean {
  return !exempt.includes(file) && held.some((name) => (name.endsWith('/') ? file.startsWith(name) : file === name))
}

function main(): number {
  const everything = process.argv.includes('--all')
  const types = ['*.ts', '*.mjs', '*.js', '*.md', '*.html', '*.yml', '*.yaml', '*.service', '*.logrotate']
  const faults = execFileSync('git', ['ls-files', ...types], { encoding: 'utf8' })
    .split('\n')
    .filter((file) => (everything ? !exempt.includes(file) : isHeld(file)) && existsSync(file))
    .flatMap((file) => proseFaults(file, readFileSync(file, 'utf8')).map((fault) => ({ file, ...fault })))
  for (const { file, line, words, rule } of faults) console.error(`${file}:${line}: “${words}”: ${rule}`)
  if (faults.length > 0) console.error(`${faults.length} places; CONTRIBUTING.md has the rules.`)
  return faults.length > 0 ? 1 : 0
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main()
