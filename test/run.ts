/**
 * `npm test` and `npm run test:all`: sets up the parts that the tests run (nginx, njs, …; with `--all` also tusd, an S3 server
 * and an emulator of AWS), then runs vitest. With REQUIRE_ALL=1 a missing part is a failure; without it the tests that need
 * it are reported as skipped, by name.
 */
import { spawnSync } from 'node:child_process'
import { setUpGoTool, tusd, versitygw } from '../local/setup/go-tools.ts'
import { setUpTools } from '../local/setup/tools.ts'
import { botocore, cryptography, ministack, setUpPythonTool } from './support/python-tools.ts'

const all = process.argv.includes('--all')
const rest = process.argv.slice(2).filter((argument) => argument !== '--all')
const log = { log: (line: string) => console.log(line) }

const parts: (() => Promise<unknown>)[] = [() => setUpTools(log)]
if (all) {
  parts.push(
    () => setUpGoTool(versitygw, log),
    () => setUpGoTool(tusd, log),
    () => setUpPythonTool(ministack, log),
    () => setUpPythonTool(cryptography, log),
    () => setUpPythonTool(botocore, log),
  )
}
for (const setUp of parts) {
  try {
    await setUp()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    if (process.env.REQUIRE_ALL === '1') process.exit(1)
  }
}

const projects = all
  ? ['--project', 'e2e']
  : ['--project', 'unit', '--project', 'unit-isolated', '--project', 'contract']
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...projects, ...rest], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
