import { blockHolds, parseIpv4, parseIpv4Block } from '../../../shared/cloudfront/ipv4.ts'
import { type Check, fail, pass, unknown } from '../check.ts'

/** `IpAddress`, where there is one, holds the viewer's address as CloudFront sees it. */
export const ip: Check = {
  name: 'ip',
  by: 'CloudFront',
  run({ policy, clientIp }) {
    if (policy === undefined) return unknown('the policy cannot be read')
    const bound = policy.ipAddress
    const block = bound === undefined ? undefined : parseIpv4Block(bound)
    if (bound === undefined || block === undefined) return pass('bound to no address')
    if (clientIp === undefined) return unknown(`bound to ${bound}; give the viewer's address with --ip`)
    if (blockHolds(block, clientIp)) return pass(`${clientIp} is in ${bound}`)
    if (parseIpv4(clientIp) === undefined) {
      return fail(
        'ip-version',
        `the policy is bound to the IPv4 address ${bound}, the viewer came over IPv6`,
        'Switch IPv6 off for the distribution (ipBinding does), or do not bind.',
      )
    }
    return fail(
      'ip-mismatch',
      `the policy is bound to ${bound}, the viewer came from ${clientIp}`,
      'Mint again from the present network. Mobile networks and proxies change addresses: bind to a block, or not at all.',
    )
  },
}
