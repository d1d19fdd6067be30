/**
 * What the command's exit status says. `explain` answers with `granted` or `refused`; the others with `granted` where they did
 * what they were asked, and `refused` where the keys or the configuration do not let them.
 */
export const exitCodes = {
  granted: 0,
  refused: 1,
  /** Wrong arguments, or an input that cannot be read. */
  usage: 2,
  /** An error that this command did not foresee. */
  internal: 3,
} as const
