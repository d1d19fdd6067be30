import { once } from 'node:events'

/**
 * What `startModule` starts this process with, over the channel between the two: arguments stand in the process list, where every
 * user of the machine reads them. From here on the process ends when its parent goes.
 */
export async function receiveSettings<Settings>(): Promise<Settings> {
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
  process.on('SIGINT', () => {})
  const [settings] = await once(process, 'message')
  return settings as Settings
}

/** Tells the parent that this process serves, and what else it wants to know. */
export function tellReady(message: unknown = 'ready'): void {
  process.send?.(message)
}
