/**
 * The name of a claim, as a configuration writes it: the claim of that literal name, else, where the name has dots, a path into
 * objects. So `app_metadata.team` finds both `{"app_metadata.team": "red"}` and `{"app_metadata": {"team": "red"}}`.
 */
export interface ClaimName {
  readonly name: string
  /** True if the name is literal only: it was written as `{claims["https://example.com/team"]}`. */
  readonly exact?: true
}

/** A condition on a session: one claim, and the values of which it must have one. */
export interface ClaimCondition {
  readonly claim: string
  readonly values: readonly ClaimValue[]
}

/** Values that a configuration can compare a claim with. */
export type ClaimValue = string | number | boolean

/** Claims of a session whose signature holds. */
export type Claims = Readonly<Record<string, unknown>>

/**
 * Returns the value of a claim, or `undefined` for an absent one. `null`, `""` and `[]` count as absent: providers write them for
 * an attribute that a user does not have.
 */
export function readClaim(claims: Claims, { name, exact }: ClaimName): unknown {
  const value = own(claims, name)
  const found = value === undefined && exact !== true && name.includes('.') ? atPath(claims, name) : value
  return found === null || found === '' || (Array.isArray(found) && found.length === 0) ? undefined : found
}

function atPath(claims: Claims, path: string): unknown {
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    value = own(value, name)
  }
  return value
}

/** Own properties only: `{claims.constructor}` must not find what every object inherits. */
function own(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Claims)[name] : undefined
}

/** Returns true if the claim is one of the values, or a list with one of them, such as roles and groups. */
export function meets(claims: Claims, { claim, values }: ClaimCondition): boolean {
  const value = readClaim(claims, { name: claim })
  return [value].flat().some((item) => values.some((wanted) => wanted === item))
}
