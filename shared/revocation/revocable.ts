import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import type { GrantTemplate } from '../grant/template.ts'

/**
 * Returns true if a template can have granted exactly this prefix. Only such a prefix can be revoked: the guard looks up the
 * prefixes that templates make and no others, so an entry for `/users/` or `/users/alice/photos/` would look like a
 * revocation and refuse nobody.
 */
export function isRevocable(prefix: ResourcePrefix, templates: readonly GrantTemplate[]): boolean {
  const names = prefix.slice(1, -1).split('/')
  return templates.some(
    ({ segments }) =>
      segments.length === names.length &&
      segments.every((segment, index) => segment.kind !== 'literal' || segment.text === names[index]),
  )
}
