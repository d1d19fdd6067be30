import { browserCheck, withheldBy } from './browser.ts'

/** RFC 6265 section 5.4: `Secure` cookies go over https only. Most browsers take http://localhost for secure, Safari does not. */
export const cookieSecure = browserCheck('secure', 'Secure is satisfied', () =>
  withheldBy(
    'cookie-secure',
    'the cookies are Secure and the request goes over http',
    'Use https. Over plain http only localhost counts as secure.',
  ),
)
