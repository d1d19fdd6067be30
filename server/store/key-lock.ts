import type { ObjectKey } from '../../shared/assets/object-key.ts'
import { assetPath, type LocalLocation } from './location.ts'

/** By path: the end of the last work that was begun there. */
const queues = new Map<string, Promise<unknown>>()

/**
 * Runs work that changes what is at some keys; of two works at one key the second waits for the first.
 *
 * One process changes the content: the API's, which the upload servers tell of finished uploads. So this order is enough for
 * modification times that only grow at a key.
 */
export async function withKeys<T>(
  location: LocalLocation,
  keys: readonly ObjectKey[],
  work: () => Promise<T>,
): Promise<T> {
  // Everybody in the same order, or two moves in opposite directions would wait for each other.
  const [first, ...others] = [...new Set(keys)].sort()
  if (first === undefined) return work()
  return inOrder(assetPath(location, first), () => withKeys(location, others, work))
}

/** Runs work on one file after all that was begun before. */
export async function inOrder<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(path)
  const mine = (async () => {
    await before?.catch(() => {})
    return work()
  })()
  queues.set(path, mine)
  try {
    return await mine
  } finally {
    if (queues.get(path) === mine) queues.delete(path)
  }
}
