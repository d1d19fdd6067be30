import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'

/** The script of the 403 page, as it stands in the file, in a browser of which only the parts that it uses are there. */
const page = readFileSync(new URL('../../../../infra/pages/403.html', import.meta.url), 'utf8')
const script = /<script>(.*)<\/script>/s.exec(page)?.[1] ?? ''
const start = 1_767_225_600_000

interface Tab {
  now: number
  readonly storage: Map<string, string>
  readonly kind: 'works' | 'throws' | 'forgets'
}

function tab(kind: Tab['kind'] = 'works'): Tab {
  return { now: start, storage: new Map(), kind }
}

/** Loads the page at an address; what it shows, and where it goes by itself. */
function load(of: Tab, address = '/users/alice/film.mp4?v=1#t=10') {
  const url = new URL(address, 'https://cdn.example.com')
  const elements: Record<string, { hidden: boolean; href: string; click?: () => void; [key: string]: unknown }> = {}
  for (const [, id = ''] of page.matchAll(/ id="(\w+)"/g)) {
    const element = {
      hidden: page.includes(`id="${id}" hidden`) || page.includes(`id="${id}" role="status" hidden`),
      href: '',
      querySelector: () => ({ textContent: `title of ${id}` }),
      addEventListener: (_type: string, listener: () => void) => Object.assign(element, { click: listener }),
    }
    elements[id] = element
  }
  const went: string[] = []
  const refuse = () => {
    throw new Error('SecurityError')
  }
  const { storage, kind } = of
  runInNewContext(script, {
    Date: { now: () => of.now },
    Number,
    String,
    encodeURIComponent,
    location: { pathname: url.pathname, search: url.search, hash: url.hash, replace: (to: string) => went.push(to) },
    document: { getElementById: (id: string) => elements[id] },
    sessionStorage: {
      getItem: kind === 'throws' ? refuse : (key: string) => storage.get(key) ?? null,
      setItem: kind === 'throws' ? refuse : (key: string, value: string) => kind === 'works' && storage.set(key, value),
      removeItem: kind === 'throws' ? refuse : (key: string) => storage.delete(key),
    },
  })
  const shown = ['opening', 'refused', 'private'].filter((id) => elements[id]?.hidden === false)
  return { shown, went, elements }
}

const mint = '/_edge/session?return=%2Fusers%2Falice%2Ffilm.mp4%3Fv%3D1%23t%3D10'

describe('the 403 page', () => {
  it('goes to be given access, the first time', () => {
    expect(load(tab())).toMatchObject({ shown: ['opening'], went: [mint] })
  })

  it('says why it stays when that did not help, and does not go again', () => {
    const same = tab()
    load(same)
    for (const later of [0, 1, 29_999]) {
      same.now = start + later
      const { shown, went } = load({ ...same, storage: new Map(same.storage) })
      expect({ shown, went }, String(later)).toEqual({ shown: ['refused'], went: [] })
    }
  })

  it('does not go in circles however often it comes back within the time', () => {
    const same = tab()
    const trips = Array.from({ length: 50 }, () => {
      same.now += 5000
      return load(same).went.length
    })
    expect(trips.reduce((sum, n) => sum + n)).toBe(1)
  })

  it('goes again after half a minute, and for another address', () => {
    const same = tab()
    load(same)
    expect(load(same, '/users/alice/other').went).toEqual(['/_edge/session?return=%2Fusers%2Falice%2Fother'])
    same.now += 30_000
    expect(load(same).went).toEqual([mint])
  })

  it.each(['throws', 'forgets'] as const)('offers a link, and no more, where storage %s', (kind) => {
    const same = tab(kind)
    for (let i = 0; i < 3; i++) {
      const { shown, went, elements } = load(same)
      expect({ shown, went }).toEqual({ shown: ['private'], went: [] })
      expect(elements.open?.href).toBe(mint)
      expect(() => elements.switch?.click?.()).not.toThrow()
    }
  })

  it('does not go where the clock was set back', () => {
    const same = tab()
    load(same)
    same.now -= 3_600_000
    expect(load(same)).toMatchObject({ shown: ['refused'], went: [] })
  })

  it('offers both ways on, and takes signing in as somebody else for a new try', () => {
    const same = tab()
    load(same)
    const { elements } = load(same)
    expect(elements.again?.href).toBe(mint)
    expect(elements.switch?.href).toBe(mint.replace('session?', 'session/end?'))
    elements.switch?.click?.()
    expect(load(same).went).toEqual([mint])
  })

  it('cannot be made to go elsewhere by its address', () => {
    for (const address of ['/users/a?return=//evil.example', '/users/a?x="><script>', '/users/a#//evil.example']) {
      const { went } = load(tab(), address)
      expect(went).toHaveLength(1)
      const to = new URL(went[0] ?? '', 'https://cdn.example.com')
      expect([to.origin, to.pathname]).toEqual(['https://cdn.example.com', '/_edge/session'])
      expect([...to.searchParams.keys()]).toEqual(['return'])
    }
  })
})

describe('the 403 page without its script', () => {
  it('says what it is, in a language, under one heading that is not hidden', () => {
    expect(page).toMatch(/<html lang="en">/)
    const visible = page.replace(/<div[^>]* hidden>.*?<\/div>/gs, '')
    expect(visible.match(/<h1>/g)).toHaveLength(1)
    expect(visible).toMatch(/<a id="open" href="\/_edge\/session">/)
    expect(visible).toMatch(/<noscript>/)
  })
})
