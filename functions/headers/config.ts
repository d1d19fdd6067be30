import type { Deployment } from '../../shared/config/parse.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { fileHeaders, privateCacheControl } from '../../shared/read/answer-headers.ts'

/** The stage's values in the bundle of the headers function. */
export interface HeadersFunctionConfig {
  readonly privateCacheControl: string
  /** From `fileHeaders`. */
  readonly headers: HttpResponse['headers']
}

/** Derives the configuration of the headers function. */
export function headersFunctionConfig({ config }: Deployment): HeadersFunctionConfig {
  return { privateCacheControl: privateCacheControl(config.browserCache), headers: fileHeaders(config) }
}
