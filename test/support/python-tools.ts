import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from '../../local/local-error.ts'
import { localDirectory } from '../../local/paths.ts'
import { findProgram, isExecutable, runCommand } from '../../local/setup/command.ts'
import { withLock } from '../../local/setup/lock.ts'

/** A program of the Python package index, kept in a virtual environment of its own. */
export interface PythonTool {
  readonly name: string
  readonly version: string
  /** Every package with its version, so that a later set-up installs the same. */
  readonly requirements: readonly string[]
}

/** An emulator of AWS: CloudFront's control plane, KeyValueStore, Secrets Manager, S3, CloudFormation, Lambda. MIT. */
export const ministack: PythonTool = {
  name: 'ministack',
  version: '1.5.33',
  requirements: [
    'ministack==1.5.33',
    'botocore==1.43.106',
    'defusedxml==0.7.1',
    'graphql-core==3.2.12',
    'h11==0.16.0',
    'h2==4.4.1',
    'hpack==4.2.0',
    'hypercorn==0.18.0',
    'hyperframe==6.1.0',
    'jmespath==1.1.0',
    'jsonata-python==0.7.1',
    'priority==2.0.0',
    'python-dateutil==2.9.0.post0',
    'pyyaml==6.0.3',
    'six==1.17.0',
    'urllib3==2.8.0',
    'wsproto==1.3.2',
  ],
}

/** Verifies signatures for the differential test, in an implementation of its own. Apache-2.0 or BSD. */
export const cryptography: PythonTool = {
  name: 'cryptography',
  version: '50.0.2',
  requirements: ['cryptography==50.0.2', 'cffi==2.1.1', 'pycparser==3.12'],
}

/** AWS's signer for Python, which signed links are compared with. Apache-2.0. */
export const botocore: PythonTool = {
  name: 'botocore',
  version: '1.43.106',
  requirements: [
    'botocore==1.43.106',
    'jmespath==1.1.0',
    'python-dateutil==2.9.0.post0',
    'six==1.17.0',
    'urllib3==2.8.0',
    ...cryptography.requirements,
  ],
}

/** The folder of environments, and a listener to the progress of the set-up. */
export interface PythonToolOptions {
  readonly log: (line: string) => void
  /** Default: `.local/tools/python` of this project. */
  readonly directory?: string
}

/**
 * Finds the tool's environment, or makes it (about 15 s, 90 MB). Safe to run from several processes at once.
 *
 * @returns the absolute path of its Python.
 * @throws LocalError where Python is missing or a package cannot be had.
 */
export async function setUpPythonTool(tool: PythonTool, options: PythonToolOptions): Promise<string> {
  const directory = options.directory ?? join(localDirectory, 'tools', 'python')
  const python = join(directory, `${tool.name}-${tool.version}`, 'bin', 'python')
  const complete = join(directory, `${tool.name}-${tool.version}`, 'complete')
  if (isExecutable(complete)) return python
  return withLock(join(directory, `${tool.name}.lock`), async () => {
    if (!isExecutable(complete)) await install(tool, join(directory, `${tool.name}-${tool.version}`), options.log)
    return python
  })
}

async function install(tool: PythonTool, home: string, log: (line: string) => void): Promise<void> {
  const python = findProgram('python3')
  if (python === undefined) {
    throw new LocalError(`${tool.name} runs on Python: install Python 3.11 with venv and try again.`)
  }
  log(`Installing ${tool.name} ${tool.version} for Python, once …`)
  // An environment knows its own path and cannot be made elsewhere and moved; the mark at the end says that it is whole.
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  await runCommand(python, ['-m', 'venv', home])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', ...tool.requirements]
  await runCommand(join(home, 'bin', 'python'), pip)
  writeFileSync(join(home, 'complete.new'), '', { mode: 0o755 })
  renameSync(join(home, 'complete.new'), join(home, 'complete'))
}
