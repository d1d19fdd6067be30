import type { Setting } from './modes.ts'
import type { Target } from './target.ts'

export async function startEmulationTarget(_setting: Setting): Promise<Target> {
  throw new Error('TODO')
}
