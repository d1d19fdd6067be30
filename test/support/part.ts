/** Something that tests run on and a machine may lack. */
export interface Part<Value> {
  /** Names of missing programs, for the name of a skipped test; empty if the part is available. */
  missing(): readonly string[]
  /** @throws why it is not there: ask `missing` first. */
  require(): Value
}

/**
 * Looks for a part. Where this machine cannot have it, tests that need it are skipped by name; with `REQUIRE_ALL=1` (CI) that is
 * a failure instead, so that a green run never means "nothing ran".
 */
export async function findPart<Value>(name: string, find: () => Value | Promise<Value>): Promise<Part<Value>> {
  try {
    const value = await find()
    return { missing: () => [], require: () => value }
  } catch (error) {
    if (process.env.REQUIRE_ALL === '1') throw error
    return {
      missing: () => [name],
      require: () => {
        throw error
      },
    }
  }
}
