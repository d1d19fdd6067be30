import type { Page } from 'playwright-core'

/** An answer as a script in a page sees it. */
export interface PageAnswer {
  /** 0 where the browser keeps the answer from the page, or there is none. */
  readonly status: number
  readonly redirected: boolean
  /** Those that CORS lets the page read. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A request of a script. */
export interface PageRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly credentials?: 'include' | 'omit' | 'same-origin'
}

/** `fetch` in the page, with credentials unless told otherwise. */
export async function fetchInPage(page: Page, url: string, request: PageRequest = {}): Promise<PageAnswer> {
  const seen = await page.evaluate(
    async ([address, init]) => {
      try {
        const response = await fetch(address, { credentials: 'include', cache: 'no-store', ...init })
        const body = Array.from(new Uint8Array(await response.arrayBuffer()))
        const { status, redirected } = response
        return { status, redirected, headers: Object.fromEntries(response.headers), body }
      } catch {
        return { status: 0, redirected: false, headers: {}, body: [] }
      }
    },
    [url, request] as const,
  )
  return { ...seen, body: Buffer.from(seen.body) }
}

/** Reads one byte range, `bytes=first-last`. */
export function readRange(page: Page, url: string, first: number, last: number): Promise<PageAnswer> {
  return fetchInPage(page, url, { headers: { range: `bytes=${first}-${last}` } })
}

/** How reading went on until something else than 206 came, or a redirect. */
export interface ReadingEnd {
  readonly reads: number
  readonly status: number
  readonly redirected: boolean
}

/** A page that streams: one range after the other, until an answer differs or `withinMs` are over. */
export function readUntilChange(page: Page, url: string, withinMs: number): Promise<ReadingEnd> {
  return page.evaluate(
    async ([address, limit]) => {
      const end = performance.now() + limit
      let last = { status: 206, redirected: false }
      let reads = 0
      while (last.status === 206 && !last.redirected && performance.now() < end) {
        const first = (reads++ % 16) * 65_536
        const headers = { range: `bytes=${first}-${first + 65_535}` }
        const response = await fetch(address, { credentials: 'include', cache: 'no-store', headers })
        await response.arrayBuffer()
        last = { status: response.status, redirected: response.redirected }
      }
      return { reads, ...last }
    },
    [url, withinMs] as const,
  )
}

/** Returns true if the page can show the URL as `<img>`, without CORS. */
export function loadsAsImage(page: Page, url: string): Promise<boolean> {
  return page.evaluate((address) => {
    const image = document.createElement('img')
    return new Promise<boolean>((resolve) => {
      image.onload = () => resolve(image.naturalWidth > 0)
      image.onerror = () => resolve(false)
      image.src = address
    })
  }, url)
}

/** The little of the DOM that the functions above use; they run in the page, and this project has no DOM types. */
declare const document: { createElement(name: 'img'): PageImage }
interface PageImage {
  src: string
  readonly naturalWidth: number
  onload: () => void
  onerror: () => void
}
