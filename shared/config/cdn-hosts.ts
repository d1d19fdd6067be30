import { RequestError } from '../errors.ts'

/** Configured host names of a distribution. Made once, from `cdnHost` and `aliases` of the stage. */
export interface CdnHosts {
  /** Host that policies, stamps and URLs are made for (`cdnHost`); `null` means the host of each request. */
  readonly primary: string | null
  /** Every configured name once, `primary` first. Empty if the distribution has its generated name only. */
  readonly all: readonly string[]
}

/** Makes the hosts of a stage. */
export function cdnHosts(cdnHost: string | null, aliases: readonly string[]): CdnHosts {
  return { primary: cdnHost, all: [...new Set(cdnHost === null ? aliases : [cdnHost, ...aliases])] }
}

/**
 * Returns the host that policies of a request are made for: `primary`, else the request's `Host` if it is the distribution's
 * generated name or a configured one. `Host` alone is not enough: the viewer chooses it, and a policy for another host,
 * signed with this stage's key, would open every distribution that trusts the key.
 *
 * @throws RequestError `ERR_HOST_UNKNOWN`.
 */
export function policyHost(
  { primary, all }: CdnHosts,
  { request, distributionDomainName }: { request: { readonly host: string }; distributionDomainName: string },
): string {
  if (primary !== null) return primary
  const { host } = request
  if (host !== '' && (host === distributionDomainName.toLowerCase() || all.includes(host))) return host
  throw new RequestError('ERR_HOST_UNKNOWN')
}

/** Returns the origins of pages that the distribution serves under its configured names. */
export function originsOf({ all }: CdnHosts): string[] {
  return all.map((host) => `https://${host}`)
}

/**
 * Returns the hosts that are neither `domain` nor below it. A browser drops every cookie with this `Domain` that they set
 * (RFC 6265 section 5.3, step 6).
 */
export function hostsOutsideDomain({ all }: CdnHosts, domain: string | null): readonly string[] {
  return domain === null ? [] : all.filter((host) => host !== domain && !host.endsWith(`.${domain}`))
}
