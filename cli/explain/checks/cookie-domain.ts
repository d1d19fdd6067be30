import { browserCheck, listed, withheldBy } from './browser.ts'

/** RFC 6265 section 5.1.3: a host-only cookie goes to its own host, one with `Domain` to that domain and its subdomains. */
export const cookieDomain = browserCheck('domain', 'the cookies belong to this host', (withheld, { request }) => {
  const hostOnly = withheld.some((cookie) => cookie.hostOnly)
  return withheldBy(
    'cookie-domain',
    `the cookies are for ${listed(withheld.map(({ domain, hostOnly: own }) => `${domain}${own ? ' alone' : ''}`))}, the request goes to ${request?.hostname}`,
    hostOnly
      ? 'Mint on the host that serves the files, or set cookies.domain to a domain that both hosts belong to. localhost and 127.0.0.1 are two hosts.'
      : 'Set cookies.domain to a domain that the host of the files belongs to.',
  )
})
