import type { TestProject } from 'vitest/node'
import { missingParts } from '../support/parts.ts'
import { type SharedEmulation, startOwnEmulation } from './emulation-target.ts'
import { settings } from './modes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly emulations: readonly SharedEmulation[]
  }
}

/**
 * Starts one emulation for each setting before the first file of the suite and stops them after the last. A start costs several
 * CPU seconds, and nearly all files only read: those share them. A file that changes what others see starts its own
 * (`describeTargets`, `own`).
 */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  const deployed = process.env.EDGE_SIGNER_URL ?? ''
  if (deployed !== '' || missingParts().length > 0) {
    provide('emulations', [])
    return async () => {}
  }
  const starting = settings.map(startOwnEmulation)
  const started = (await Promise.allSettled(starting)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async () => void (await Promise.all(started.map((one) => one.stop())))
  try {
    await Promise.all(starting)
  } catch (error) {
    await stop()
    throw error
  }
  provide(
    'emulations',
    started.map(({ setting, url, content, stateDirectory }) => ({ setting, url, content, stateDirectory })),
  )
  return stop
}
