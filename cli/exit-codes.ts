/**
 * Exit status of the command. `explain` exits with `granted` or `refused`. The other commands exit with `granted` if they
 * succeeded, and with `refused` if the keys, the configuration or a fault of the stage prevented it.
 */
export const exitCodes = {
  granted: 0,
  refused: 1,
  /** Wrong arguments, or an input that cannot be read. */
  usage: 2,
  /** An unexpected error. */
  internal: 3,
  /** AWS has no valid credentials. */
  credentials: 4,
} as const
