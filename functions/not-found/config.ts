import type { Deployment } from '../../shared/config/parse.ts'
import { filesPagePath } from '../../shared/read/check-read.ts'
import {
  type FunctionProblem,
  type FunctionReaders,
  functionProblem,
  functionReaders,
} from '../../shared/read/function-problem.ts'

/** The answer of the default behaviour's function, and the origins that may read it. */
export interface NotFoundFunctionConfig {
  readonly readers: FunctionReaders
  readonly problem: FunctionProblem
  /** Path of the Files page, where navigations to `/` are sent; `null` if the stage does not serve it. */
  readonly filesPage: string | null
}

/** Derives the configuration of the not-found function. */
export function notFoundFunctionConfig({ config }: Deployment): NotFoundFunctionConfig {
  return {
    readers: functionReaders(config),
    problem: functionProblem('ERR_NOT_FOUND'),
    filesPage: config.pages.files ? filesPagePath : null,
  }
}
