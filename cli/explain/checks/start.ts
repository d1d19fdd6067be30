import { checkPolicy } from '../../../shared/cloudfront/signed-request.ts'
import { showDuration, showTime } from '../../input/time.ts'
import { type Check, fail, pass, unknown } from '../check.ts'
import { answerTime, skewHint } from '../clock.ts'

/** `DateGreaterThan`, where there is one, lies behind. */
export const start: Check = {
  name: 'start',
  by: 'CloudFront',
  run(subject) {
    const { policy, now } = subject
    if (policy === undefined) return unknown('the policy cannot be read')
    const { notBefore } = policy
    if (notBefore === undefined) return pass('valid at once: no DateGreaterThan')
    const startAlone = { resource: '*', notBefore, expires: Number.MAX_SAFE_INTEGER, ipAddress: undefined }
    if (checkPolicy(startAlone, { url: '', now, clientIp: '' }) === undefined)
      return pass(`valid after ${showTime(notBefore)}`)
    if (notBefore > 100_000_000_000) {
      return fail('start-in-milliseconds', 'DateGreaterThan looks like milliseconds', 'Write epoch seconds.')
    }
    return fail(
      'not-yet-valid',
      `valid after ${showTime(notBefore)}, ${showDuration(notBefore - now)} after ${showTime(now)}`,
      `Wait, or sign with an earlier DateGreaterThan.${skewHint(notBefore - now, answerTime(subject), now)}`,
    )
  },
}
