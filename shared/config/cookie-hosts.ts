/** What decides where cookies are kept. */
interface Hosts {
  readonly cookies: { readonly domain: string | null }
  readonly cdnHost: string | null
  readonly aliases: readonly string[]
}

/** The names that a distribution is given beside its own. */
export function ownHosts({ cdnHost, aliases }: Omit<Hosts, 'cookies'>): readonly string[] {
  return cdnHost === null ? aliases : [cdnHost, ...aliases]
}

/**
 * The names that are neither `cookies.domain` nor below it: a browser drops every cookie that is set there
 * (RFC 6265 section 5.3, step 6).
 */
export function hostsOutsideCookieDomain(hosts: Hosts): readonly string[] {
  const { domain } = hosts.cookies
  return domain === null ? [] : ownHosts(hosts).filter((host) => host !== domain && !host.endsWith(`.${domain}`))
}
