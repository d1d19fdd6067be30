import type { Visitor } from '../../support/chromium.ts'

/**
 * From now on these cookies do not stay with the visitor when the CDN sets them, as with an extension or a proxy that takes
 * them out.
 */
export async function dropCookies(cdn: string, { context }: Visitor, names: RegExp): Promise<void> {
  await context.route(`${cdn}/**`, async (route) => {
    const response = await route.fetch({ maxRedirects: 0 })
    // `route.fetch` has put them into the browser already.
    await context.clearCookies({ name: names })
    const headers = response.headersArray().filter(({ name, value }) => !isSetting(name, value, names))
    const joined = new Map<string, string>()
    for (const { name, value } of headers) {
      const before = joined.get(name.toLowerCase())
      joined.set(name.toLowerCase(), before === undefined ? value : `${before}\n${value}`)
    }
    await route.fulfill({ response, headers: Object.fromEntries(joined) })
  })
}

function isSetting(header: string, value: string, names: RegExp): boolean {
  return header.toLowerCase() === 'set-cookie' && names.test(value.slice(0, value.indexOf('=')))
}
