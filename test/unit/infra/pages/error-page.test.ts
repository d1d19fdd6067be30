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

/** Surroundings of a load, beside the tab. */
interface Around {
  readonly cookies?: 'all' | 'plain' | 'none' | 'throws'
  readonly framed?: boolean
  readonly origin?: string
  /** The mint's answer to the page: a status with a code and reason, or no answer. */
  readonly mint?: readonly [status: number, code?: string, reason?: string]
}

interface Link {
  hidden: boolean
  href: string
  target: string
  textContent: string
  click?: (event: { preventDefault(): void }) => void
  [key: string]: unknown
}

function link(hidden: boolean, id: string): Link {
  const made: Link = {
    hidden,
    href: '',
    target: '',
    textContent: '',
    querySelector: () => ({ textContent: `title of ${id}` }),
    addEventListener: (_type: string, listener: NonNullable<Link['click']>) => Object.assign(made, { click: listener }),
  }
  return made
}

const states = ['opening', 'refused', 'foreign', 'blocked', 'insecure', 'embedded', 'trouble', 'private']

/** Loads the page at an address; what it shows, where it goes by itself, and what it asks for. */
async function load(of: Tab, around: Around = {}, address = '/users/alice/film.mp4?v=1#t=10') {
  const { cookies = 'all', framed = false, origin = 'https://cdn.example.com', mint: answer } = around
  const url = new URL(address, 'https://cdn.example.com')
  const elements: Record<string, Link> = {}
  for (const [tag, id = ''] of page.matchAll(/<[^>]* id="(\w+)"[^>]*>/g))
    elements[id] = link(tag.includes(' hidden'), id)
  const classes = Object.fromEntries(['switch', 'reload', 'back', 'tab'].map((name) => [name, link(false, name)]))
  const went: string[] = []
  const asked: string[] = []
  const refuse = () => {
    throw new Error('SecurityError')
  }
  const { storage, kind } = of
  let jar = ''
  const document = {
    visibilityState: 'visible',
    title: '',
    getElementById: (id: string) => elements[id],
    querySelectorAll: (selector: string) =>
      selector.split(', ').map((one) => (one.startsWith('#') ? elements[one.slice(1)] : classes[one.slice(1)])),
    get cookie() {
      return jar
    },
    set cookie(line: string) {
      if (cookies === 'throws') refuse()
      const isKept = cookies === 'all' || (cookies === 'plain' && !line.includes('Secure'))
      if (isKept) jar = line.includes('Max-Age=0') ? '' : (line.split(';')[0] ?? '')
    },
  }
  const self = { origin }
  const listeners: Record<string, () => void> = {}
  runInNewContext(script, {
    Date: { now: () => of.now },
    Number,
    String,
    encodeURIComponent,
    self,
    top: framed ? {} : self,
    history: { length: 1 },
    addEventListener: (type: string, listener: () => void) => Object.assign(listeners, { [type]: listener }),
    fetch: async (to: string, { method }: { method: string }) => {
      asked.push(`${method} ${to}`)
      if (answer === undefined) throw new TypeError('network')
      const [status, code, reason] = answer
      return { status, ok: status === 200, json: async () => ({ code }), headers: { get: () => reason ?? null } }
    },
    location: {
      host: url.host,
      pathname: url.pathname,
      search: url.search,
      hash: url.hash,
      replace: (to: string) => went.push(to),
      reload: () => went.push('reload'),
    },
    document,
    sessionStorage: {
      getItem: kind === 'throws' ? refuse : (key: string) => storage.get(key) ?? null,
      setItem: kind === 'throws' ? refuse : (key: string, value: string) => kind === 'works' && storage.set(key, value),
      removeItem: kind === 'throws' ? refuse : (key: string) => storage.delete(key),
    },
  })
  // The page's own promises are settled before the next turn of the loop.
  await new Promise((done) => setImmediate(done))
  const shown = states.filter((id) => elements[id]?.hidden === false)
  expect(jar, 'the probe is removed').toBe('')
  return { shown, went, asked, elements, classes, listeners }
}

const click = { preventDefault() {} }
const mint = '/_edge/session?return=%2Fusers%2Falice%2Ffilm.mp4%3Fv%3D1%23t%3D10'

describe('the 403 page', () => {
  it('goes to be given access, the first time', async () => {
    expect(await load(tab())).toMatchObject({ shown: ['opening'], went: [mint], asked: [] })
  })

  it.each([
    ['the file was still refused, where cookies were minted', [200], 'refused', ''],
    ['to sign in, after a sign-out', [401, 'ERR_SESSION_MISSING'], 'private', 'ERR_SESSION_MISSING'],
    ['the local reason', [401, 'ERR_SESSION_INVALID', 'aud'], 'private', 'ERR_SESSION_INVALID (aud)'],
    ['another account is needed', [403, 'ERR_RETURN_NOT_GRANTED'], 'foreign', 'ERR_RETURN_NOT_GRANTED'],
    ['the service has a fault', [503, 'ERR_KEYS_UNAVAILABLE'], 'trouble', 'ERR_KEYS_UNAVAILABLE'],
    ['the service is out of reach', undefined, 'trouble', ''],
  ] as const)('says, when the first try did not help, that %s', async (_what, answer, state, reason) => {
    const same = tab()
    await load(same)
    for (const later of [0, 1, 29_999]) {
      same.now = start + later
      const again = { ...same, storage: new Map(same.storage) }
      const { shown, went, asked, elements } = await load(again, answer === undefined ? {} : { mint: answer })
      expect({ shown, went, asked }, String(later)).toEqual({ shown: [state], went: [], asked: [`POST ${mint}`] })
      expect(elements.reason?.textContent).toBe(reason)
    }
  })

  it('does not go in circles however often it comes back within the time', async () => {
    const same = tab()
    let trips = 0
    for (let i = 0; i < 50; i++) {
      same.now += 5000
      trips += (await load(same, { mint: [200] })).went.length
    }
    expect(trips).toBe(1)
  })

  it('goes again after half a minute, and for another address', async () => {
    const same = tab()
    await load(same)
    const other = await load(same, {}, '/users/alice/other')
    expect(other.went).toEqual(['/_edge/session?return=%2Fusers%2Falice%2Fother'])
    same.now += 30_000
    expect((await load(same)).went).toEqual([mint])
  })

  it.each(['throws', 'forgets'] as const)('offers a link, and no more, where storage %s', async (kind) => {
    const same = tab(kind)
    for (let i = 0; i < 3; i++) {
      const { shown, went, elements, classes } = await load(same)
      expect({ shown, went }).toEqual({ shown: ['private'], went: [] })
      expect(elements.open?.href).toBe(mint)
      expect(() => classes.switch?.click?.(click)).not.toThrow()
    }
  })

  it.each([
    ['blocked cookies', { cookies: 'none' }, 'blocked'],
    ['cookies that throw', { cookies: 'throws' }, 'blocked'],
    ['Safari on http://localhost', { cookies: 'plain' }, 'insecure'],
    ['a sandboxed frame', { origin: 'null', framed: true }, 'embedded'],
  ] as const)('names %s, and goes nowhere', async (_what, around, state) => {
    expect(await load(tab(), around)).toMatchObject({ shown: [state], went: [], asked: [] })
  })

  it('asks in a frame, loads the file once, and opens a sign-in in a tab', async () => {
    const same = tab()
    expect(await load(same, { framed: true, mint: [200] })).toMatchObject({ went: ['reload'], asked: [`POST ${mint}`] })
    expect(await load(same, { framed: true, mint: [200] })).toMatchObject({ went: [], shown: ['refused'] })
    const signedOut = await load(tab(), { framed: true, mint: [401, 'ERR_SESSION_MISSING'] })
    expect(signedOut).toMatchObject({ went: [], shown: ['private'] })
    expect(signedOut.elements.open?.target).toBe('_blank')
    expect(signedOut.classes.back?.hidden).toBe(true)
    signedOut.listeners.visibilitychange?.()
    expect(signedOut.went).toEqual(['reload'])
  })

  it.each([200, 401])('names an app of another site by its frame, where the mint answers %i', async (status) => {
    const around = { framed: true, cookies: 'none', mint: [status, 'ERR_SESSION_MISSING'] } as const
    const same = tab()
    if (status === 200) await load(same, around)
    const { shown, classes } = await load(same, around)
    expect(shown).toEqual(['embedded'])
    expect(classes.tab?.href).toBe('/users/alice/film.mp4?v=1#t=10')
  })

  it('does not go where the clock was set back', async () => {
    const same = tab()
    await load(same)
    same.now -= 3_600_000
    expect(await load(same, { mint: [200] })).toMatchObject({ shown: ['refused'], went: [] })
  })

  it('offers both ways on, and takes signing in as somebody else for a new try', async () => {
    const same = tab()
    await load(same)
    const { elements, classes } = await load(same, { mint: [200] })
    expect(elements.again?.href).toBe(mint)
    expect(classes.switch?.href).toBe(mint.replace('session?', 'session/end?'))
    classes.switch?.click?.(click)
    expect((await load(same)).went).toEqual([mint])
  })

  it('cannot be made to go elsewhere by its address', async () => {
    for (const address of ['/users/a?return=//evil.example', '/users/a?x="><script>', '/users/a#//evil.example']) {
      const { went } = await load(tab(), {}, address)
      expect(went).toHaveLength(1)
      const to = new URL(went[0] ?? '', 'https://cdn.example.com')
      expect([to.origin, to.pathname]).toEqual(['https://cdn.example.com', '/_edge/session'])
      expect([...to.searchParams.keys()]).toEqual(['return'])
    }
  })

  it('has a next step in every state but the first', () => {
    for (const [, id, content = ''] of page.matchAll(/<div id="(\w+)"[^>]*>(.*?)<\/div>/gs)) {
      if (id !== 'opening') expect(content, id).toMatch(/class="actions"><a /)
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
