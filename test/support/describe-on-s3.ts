import { describe } from 'vitest'
import { missingS3Server } from './s3-server.ts'

/** Defines cases that need the server, and `others` beside it. Without them they are skipped by name. */
export function describeOnS3(title: string, define: () => void, others: readonly string[] = []): void {
  const missing = [...missingS3Server(), ...others]
  const name = missing.length === 0 ? title : `${title} (needs ${missing.join(', ')})`
  describe.skipIf(missing.length > 0)(name, define)
}
