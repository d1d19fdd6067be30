import { checkPolicy } from '../../../shared/cloudfront/signed-request.ts'
import { showDuration, showTime } from '../../input/time.ts'
import { type Check, fail, pass, unknown } from '../check.ts'
import { answerTime, skewHint } from '../clock.ts'

/** `DateLessThan` lies ahead. */
export const expiry: Check = {
  name: 'expiry',
  by: 'CloudFront',
  run(subject) {
    const { policy, now } = subject
    if (policy === undefined) return unknown('the policy cannot be read')
    const { expires } = policy
    const timeAlone = { ...policy, resource: '*', notBefore: undefined, ipAddress: undefined }
    if (checkPolicy(timeAlone, { url: '', now, clientIp: '' }) === undefined) {
      const late = expires > now + 10 * 365 * 86_400
      const milliseconds =
        late && expires > 100_000_000_000 ? '; DateLessThan looks like milliseconds, and means seconds' : ''
      return pass(`valid until ${showTime(expires)}, for ${showDuration(expires - now)} more${milliseconds}`)
    }
    return fail(
      'expired',
      `expired at ${showTime(expires)}, ${showDuration(now - expires)} before ${showTime(now)}`,
      `Ask /_edge/session again, or sign the URL anew.${skewHint(now - expires, answerTime(subject), now)}`,
    )
  },
}
