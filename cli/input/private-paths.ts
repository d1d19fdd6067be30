import config from '../../edge-signer.config.ts'
import { privatePathPatterns } from '../../infra/distribution/path-patterns.ts'
import { parseDeployment } from '../../shared/config/parse.ts'

/**
 * The prefixes whose files need a signature, of all stages together: which of them a URL belongs to is not known, and one too
 * many is held against a signature that it does not need.
 *
 * @throws ConfigError.
 */
export function readPrivatePaths(): string[] {
  const patterns = Object.keys(config.stages).flatMap((stage) => privatePathPatterns(parseDeployment(config, stage)))
  return [...new Set(patterns)].map((pattern) => pattern.slice(0, -1))
}
