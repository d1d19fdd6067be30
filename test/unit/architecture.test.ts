import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { init, parse } from 'es-module-lexer'
import { transform } from 'esbuild'
import { describe, expect, it } from 'vitest'

/** The shape of the source, read from the source, so that no page has to describe it. */

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Allowed imports of each top folder. A function may also import from its own folder, never from another's. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  shared: ['shared'],
  functions: ['shared'],
  infra: ['infra', 'functions', 'shared', 'edge-signer.config.ts'],
  local: ['local', 'infra', 'functions', 'shared', 'edge-signer.config.ts'],
  server: ['server', 'local', 'infra', 'functions', 'shared', 'edge-signer.config.ts'],
  cli: ['cli', 'package', 'infra', 'shared', 'edge-signer.config.ts'],
  package: ['package', 'server', 'local', 'shared'],
  client: ['client'],
  pages: ['pages', 'client'],
}

interface Module {
  /** Path from the project's root, with `/`. */
  readonly file: string
  readonly source: string
  /** Specifiers as written: static, dynamic, re-exported and type-only. */
  readonly imports: readonly string[]
}

await init
const modules: readonly Module[] = Object.keys(mayImport)
  .flatMap((folder) => sourceFiles(folder))
  .map((file) => {
    const source = readFileSync(join(root, file), 'utf8')
    const imports = parse(source, file)[0].flatMap((found) =>
      'specifier' in found && typeof found.specifier === 'string' ? [found.specifier] : [],
    )
    return { file, source, imports }
  })

describe('imports', () => {
  it('are found at all', () => {
    const count = modules.reduce((sum, module) => sum + module.imports.length, 0)
    expect(modules.length).toBeGreaterThan(20)
    expect(count).toBeGreaterThan(modules.length)
  })

  it('run one way: functions, local, cli and infra import shared, which imports none of them', () => {
    expect(modules.flatMap(wrongWay)).toEqual([])
  })

  it('name files with their ending, and builtins with node:', () => {
    const wrong = modules.flatMap(({ file, imports }) =>
      imports
        .filter((name) => (name.startsWith('.') ? !/\.(ts|js|mjs|cjs|json)$/.test(name) : isBareBuiltin(file, name)))
        .map((name) => `${file} imports ${name}`),
    )
    expect(wrong).toEqual([])
  })

  it.each(['shared', 'cli', 'local', 'server', 'functions', 'infra'])('go one way between the folders of %s', (top) => {
    expect(mutualFolders(top)).toEqual([])
  })

  it('go in no circle', () => {
    expect(findCircle(modules)).toEqual([])
  })
})

describe('shared', () => {
  // Time, chance, environment and network are arguments there: the same input gives the same answer.
  // Making keys is the exception: chance handed in would let a caller make weak ones.
  const makesKeys = 'shared/keys/make-key-pair.ts'
  const impure = [
    /\bprocess\s*\.\s*(env|hrtime|argv)\b/,
    /\bDate\s*\.\s*now\b/,
    /\bnew Date\s*\(\s*\)/,
    /\bMath\s*\.\s*random\b/,
    /\bperformance\s*\.\s*now\b/,
    /\b(randomBytes|randomUUID|randomInt|getRandomValues)\b/,
    /(?<![.\w])fetch\s*\(/,
  ]
  const world = [
    'fs',
    'net',
    'tls',
    'http',
    'https',
    'http2',
    'dgram',
    'dns',
    'child_process',
    'os',
    'process',
    'timers',
  ]

  it('reads no environment, clock, chance or network', async () => {
    const shared = modules.filter(({ file }) => file.startsWith('shared/') && file !== makesKeys)
    expect(shared.length).toBeGreaterThan(10)
    const found = await Promise.all(
      shared.map(async ({ file, source }) => {
        // Without comments and types: prose may speak of clocks.
        const { code } = await transform(source, { loader: 'ts', legalComments: 'none' })
        return impure.filter((pattern) => pattern.test(code)).map((pattern) => `${file}: ${pattern.source}`)
      }),
    )
    expect(found.flat()).toEqual([])
  })

  // The network that handlers hand over to the rest.
  const reachesOut = 'shared/http/https-send.ts'

  it('imports no builtin that reaches the outside', () => {
    const wrong = modules
      .filter(({ file }) => file.startsWith('shared/') && file !== reachesOut)
      .flatMap(({ file, imports }) =>
        imports
          .filter((name) => world.includes(name.replace('node:', '').split('/')[0] ?? ''))
          .map((name) => `${file}: ${name}`),
      )
    expect(wrong).toEqual([])
  })
})

describe('files', () => {
  it('have at most 300 lines', () => {
    const long = modules.filter(({ source }) => source.split('\n').length > 301).map(({ file }) => file)
    expect(long).toEqual([])
  })

  it('are at most 372; the browser has budgets of its own, in bytes', () => {
    const house = modules.filter(({ file }) => !/^(client|pages)\//.test(file))
    expect(house.length).toBeLessThanOrEqual(372)
  })

  it('are not cut too small: under 40 lines with one importer, a neighbour', () => {
    const small = modules.filter(({ file, source }) => {
      const importers = modules.filter((other) =>
        other.imports.some((name) => name.startsWith('.') && resolve(other.file, name) === file),
      )
      const [only] = importers
      const isNeighbour = only !== undefined && importers.length === 1 && dirname(only.file) === dirname(file)
      // A process of its own is started by its path.
      return isNeighbour && !only.source.includes(`'${file}'`) && source.split('\n').length <= 40
    })
    expect(small.map(({ file }) => file)).toEqual([])
  })

  it('are named for the noun they own, in kebab-case, never for being shared', () => {
    const names = modules.filter(({ file }) => {
      const parts = file.split('/')
      const vague = parts.some((part) => /^(utils?|helpers?|common|misc|lib)(\.ts)?$/.test(part))
      return vague || !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(basename(file))
    })
    expect(names.map(({ file }) => file)).toEqual([])
  })

  it('say what each deployed function is: one folder with a handler', () => {
    const folders = readdirSync(join(root, 'functions'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(folders.length).toBeGreaterThan(0)
    const without = folders.filter(({ name }) => !readdirSync(join(root, 'functions', name)).includes('handler.ts'))
    expect(without.map(({ name }) => name)).toEqual([])
  })

  it('throw errors, never plain values', () => {
    const plain = modules.filter(({ source }) => /\bthrow ['"`{[\d]/.test(source))
    expect(plain.map(({ file }) => file)).toEqual([])
  })
})

function sourceFiles(folder: string): string[] {
  return listDirectory(join(root, folder))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => relative(root, file).split(sep).join('/'))
    .sort()
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      if (entry.name === 'node_modules' || entry.name === 'dist') return []
      const path = join(directory, entry.name)
      return entry.isDirectory() ? listDirectory(path) : [path]
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function wrongWay({ file, imports }: Module): string[] {
  const [folder = '', own = ''] = file.split('/')
  return imports
    .filter((name) => name.startsWith('.'))
    .map((name) => resolve(file, name))
    .filter((target) => {
      const [to = ''] = target.split('/')
      if (folder === 'functions' && target.startsWith(`functions/${own}/`)) return false
      return !mayImport[folder]?.includes(to)
    })
    .map((target) => `${file} imports ${target}`)
}

function resolve(file: string, name: string): string {
  return join(dirname(file), name).split(sep).join('/')
}

/** CloudFront Functions and njs know their modules (`crypto`, `fs`) without the prefix; everyone else writes it. */
function isBareBuiltin(file: string, name: string): boolean {
  const atTheEdge =
    /^(functions\/(guard|headers|not-found)|local\/cloudfront\/njs|shared\/(cloudfront|revocation))\/|^server\/nginx\/links?\.ts$/.test(
      file,
    )
  return isBuiltin(name) && !name.startsWith('node:') && !atTheEdge
}

/** Pairs of folders directly below `top` that import each other. */
function mutualFolders(top: string): string[] {
  const folderOf = (file: string) => new RegExp(`^${top}/([^/]+)/`).exec(file)?.[1]
  const arrows = new Set(
    modules.flatMap(({ file, imports }) =>
      imports
        .filter((name) => name.startsWith('.'))
        .map((name) => [folderOf(file), folderOf(resolve(file, name))])
        .filter(([from, to]) => from !== undefined && to !== undefined && from !== to)
        .map(([from, to]) => `${from} ${to}`),
    ),
  )
  return [...arrows].filter((arrow) => arrows.has(arrow.split(' ').reverse().join(' '))).sort()
}

/** The first circle of imports, as the files on it; empty where there is none. */
function findCircle(all: readonly Module[]): string[] {
  const targets = new Map(
    all.map(({ file, imports }) => [
      file,
      imports.filter((name) => name.startsWith('.')).map((name) => resolve(file, name)),
    ]),
  )
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return []
    for (const target of targets.get(file) ?? []) {
      const circle = visit(target, [...path, file])
      if (circle.length > 0) return circle
    }
    done.add(file)
    return []
  }
  for (const file of targets.keys()) {
    const circle = visit(file, [])
    if (circle.length > 0) return circle
  }
  return []
}
