import * as v from 'valibot'

/** A grant template: path segments, each literal or one claim, ending in `/*`. */
export const grantTemplate = v.pipe(
  v.string(),
  v.regex(
    /^\/[A-Za-z0-9._-]+(\/([A-Za-z0-9._-]+|\{(sub|claims\.[A-Za-z0-9_:.-]+)\}))+\/\*$/,
    'must look like /users/{sub}/* : a literal first segment, then literals, {sub} or {claims.name}, then /*',
  ),
  v.check((t) => !t.split('/').some((s) => s === '.' || s === '..'), 'must not hold dot segments'),
  v.check(
    (t) => !/^\/(_edge|_incoming|_state|api|public)\//.test(t),
    'must not start with a reserved segment: _edge, _incoming, _state, api, public',
  ),
)
