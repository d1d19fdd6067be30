import { afterAll, vi } from 'vitest'

/** Undoes what a file replaced: the files of a worker share their globals. */
afterAll(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})
