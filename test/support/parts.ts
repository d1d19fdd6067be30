import { setUpTools, type Tools } from '../../local/setup/tools.ts'

/**
 * The programs that tests run: nginx, its njs module, the njs command. Where this machine cannot have them, tests that need them
 * are skipped by name; with `REQUIRE_ALL=1` (CI) that is a failure instead, so that a green run never means "nothing ran".
 */
const found: Tools | Error = await setUpTools({ log: () => {} }).catch((error: unknown) =>
  error instanceof Error ? error : new Error(String(error)),
)
if (found instanceof Error && process.env.REQUIRE_ALL === '1') throw found

/** What is missing on this machine, in words for the name of a skipped test; empty where everything is there. */
export function missingParts(): readonly string[] {
  return found instanceof Error ? ['nginx and njs'] : []
}

/** The programs. @throws the reason of the set-up where they are missing: ask `missingParts` first. */
export function requireParts(): Tools {
  if (found instanceof Error) throw found
  return found
}
