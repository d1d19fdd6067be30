import { browserCheck, listed, withheldBy } from './browser.ts'

/** RFC 6265 section 5.1.4. Each grant's cookies have the prefix as their `Path`, compared character by character. */
export const cookiePath = browserCheck('path', 'the cookies have a Path around this one', (withheld) =>
  withheldBy(
    'cookie-path',
    `the cookies are for ${listed(withheld.map(({ path }) => path))}, and the requested path is not below`,
    'Build URLs only from the prefixes that /_edge/session answers, in the same spelling; or grant this user the prefix.',
  ),
)
