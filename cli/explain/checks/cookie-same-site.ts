import { type Check, unknown } from '../check.ts'
import { isSameSite } from '../cookie-delivery.ts'
import { browserCheck, withheldBy } from './browser.ts'

const rule = browserCheck('same-site', 'SameSite is satisfied', (withheld, { page, request }) =>
  withheldBy(
    'cookie-same-site',
    `a page of ${page?.hostname} asks ${request?.hostname}, which is another site, and the cookies are SameSite=${withheld[0]?.sameSite ?? 'lax'}`,
    'Serve page and files from one registrable domain (app.example.com and cdn.example.com) over the same scheme. app.localhost and cdn.localhost are two sites.',
  ),
)

/** RFC 6265bis section 5.8.3: a `Lax` cookie does not go out with what a page of another site asks for. */
export const cookieSameSite: Check = {
  ...rule,
  run(subject) {
    const finding = rule.run(subject)
    if (finding.status !== 'pass' || subject.stored === undefined || subject.fields.source === 'url') return finding
    if (subject.page === undefined) return unknown('give the page that asked with --page')
    if (subject.request !== undefined && !isSameSite(subject.page, subject.request)) {
      return unknown('sent by the rules, but a browser that blocks third-party cookies keeps them back')
    }
    return finding
  },
}
