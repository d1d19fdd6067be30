import { showDuration, showTime } from '../../input/time.ts'
import { browserCheck, withheldBy } from './browser.ts'

/** RFC 6265 section 5.3: a cookie past its expiry is dropped. Ours live exactly as long as their policy. */
export const cookieLifetime = browserCheck('lifetime', 'the cookies have not expired', (withheld, { now }) => {
  const last = Math.max(...withheld.map(({ expires }) => expires ?? 0))
  return withheldBy(
    'cookie-lifetime',
    `the browser dropped the cookies at ${showTime(last)}, ${showDuration(now - last)} ago`,
    'Ask /_edge/session again before refreshAt. If that was moments after the mint, the clocks of viewer and server differ.',
  )
})
