import { setUpTools, type Tools } from '../../local/setup/tools.ts'
import { findPart } from './part.ts'

/** The programs that tests run: nginx, its njs module, the njs command. */
const tools = await findPart('nginx and njs', () => setUpTools({ log: () => {} }))

/** Names of programs that this machine lacks, for the name of a skipped test; empty if everything is available. */
export function missingParts(): readonly string[] {
  return tools.missing()
}

/** The programs. @throws the reason of the set-up where they are missing: ask `missingParts` first. */
export function requireParts(): Tools {
  return tools.require()
}
