// Refusals of an upload server as problems. Runs in njs, where nginx hands its answers on.

const type = 'application/problem+json'

/**
 * Header filter. A refusal that is a problem already was made by the hooks; any other gets that of its status. The type is set in
 * both cases, because nginx was told not to: it would keep the charset of the text.
 */
function describe(r) {
  const problem = r.variables.edge_upload_problem
  if (problem === '') return
  r.headersOut['Content-Type'] = type
  if (String(r.variables.upstream_http_content_type).startsWith(type)) return
  r.variables.edge_upload_replaced = problem
  r.headersOut['Cache-Control'] = 'no-store'
  r.headersOut['Content-Length'] = String(problem.length)
}

/** Body filter: that problem in place of the text. */
function replace(r, data, flags) {
  const problem = r.variables.edge_upload_replaced
  if (!problem) r.sendBuffer(data, flags)
  else if (flags.last) r.sendBuffer(problem, flags)
}

export default { describe, replace }
