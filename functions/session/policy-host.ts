import { RequestError } from '../../shared/errors.ts'
import type { SessionFunctionConfig } from './config.ts'
import type { EdgeRequest } from './event.ts'

/**
 * The host that policies of this request are made for: the stage's `cdnHost`, else the request's `Host`, where that is the
 * distribution's own name or an alias. A viewer's word alone is not enough: a policy for another host, signed with our key,
 * would open every distribution that trusts the key.
 *
 * @throws RequestError `ERR_HOST_UNKNOWN`.
 */
export function policyHost(config: SessionFunctionConfig, edge: EdgeRequest): string {
  if (config.cdnHost !== null) return config.cdnHost
  const { host } = edge.request
  if (host !== '' && (host === edge.distributionDomainName.toLowerCase() || config.aliases.includes(host))) return host
  throw new RequestError('ERR_HOST_UNKNOWN')
}
