import type { FunctionResponse, ViewerRequestEvent } from '../../shared/cloudfront/function-event.ts'
import { generateProblem, generateRedirect } from '../../shared/read/function-response.ts'
import type { NotFoundFunctionConfig } from './config.ts'

declare const __CONFIG__: NotFoundFunctionConfig

/**
 * Answers every path that no behaviour serves (viewer-request of the default behaviour, where there is no `appOrigin`).
 * The request goes no further: a default behaviour that reached the bucket would list every key at `/`.
 *
 * A person who opens `/` is sent to the Files page. Programs get the 404, which they can tell from a page.
 */
export function handler(event: ViewerRequestEvent): FunctionResponse {
  const request = event.request
  const mode = request.headers['sec-fetch-mode']
  const page = __CONFIG__.filesPage
  if (page !== null && mode !== undefined && mode.value === 'navigate' && isEntrance(request.uri, page)) {
    return generateRedirect(page, __CONFIG__.readers)
  }
  return generateProblem(__CONFIG__.problem, request, __CONFIG__.readers)
}

/** `/`, and the page's path without its closing slash. */
function isEntrance(uri: string, page: string): boolean {
  return uri === '/' || `${uri}/` === page
}
