import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as settle } from 'node:timers/promises'
import { S3ServiceException } from '@aws-sdk/client-s3'
import { parseObjectKey } from '../../../shared/assets/object-key.ts'
import type { Upload } from '../../../shared/assets/upload.ts'
import { AssetError, ServiceError } from '../../../shared/errors.ts'
import { createUploadWorld } from '../../support/upload-world.ts'
import { Random } from '../random.ts'
import { hold } from './invariants.ts'
import type { Mishap } from './simulation.ts'

/** The result of one run. */
export interface FilesRun {
  readonly calls: number
  readonly mishaps: number
  readonly story: readonly string[]
  readonly error: Error | undefined
}

/** Uploads go to the first two; moves and copies lead from the first to the others. */
const own = parseObjectKey('users/alice/own.txt')
const second = parseObjectKey('users/alice/second.txt')
const moved = parseObjectKey('users/alice/moved.txt')
const copied = parseObjectKey('users/alice/copied.txt')

interface Turn {
  readonly actor: Actor
  readonly name: string
  readonly phase: 'before' | 'after'
  readonly go: () => void
  readonly fail: (error: Error) => void
}

interface Actor {
  readonly name: string
  isAlive: boolean
  /** The mishap of the call that is under way. */
  mishap: Mishap | undefined
  readonly end: () => void
}

/**
 * Invariant I3: functions and clients publish, confirm, complete, delete, move, copy and overwrite the same files, in an order of S3's
 * commands that the seed decides, with crashes and lost answers. Every text is unique, so that it is known wherever it appears.
 */
export async function runFiles(seed: string, mishaps: ReadonlyMap<number, Mishap>): Promise<FilesRun> {
  const run = new Files(new Random(seed), mishaps)
  try {
    await run.play()
    return { calls: run.calls, mishaps: run.mishaps, story: run.story, error: undefined }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    return { calls: run.calls, mishaps: run.mishaps, story: run.story, error }
  }
}

class Files {
  readonly story: string[] = []
  calls = 0
  mishaps = 0
  #now = 1_800_000_000_000
  #mishaps: ReadonlyMap<number, Mishap>
  #failure: unknown
  readonly #random: Random
  readonly #world = createUploadWorld()
  readonly #current = new AsyncLocalStorage<Actor>()
  readonly #turns: Turn[] = []
  readonly #uploads: Upload[] = []
  readonly #texts = new Map<string, string>()
  /** The text at each key that uploads go to. */
  readonly #at = new Map<string, string | undefined>()
  /** Texts that were at their key. */
  readonly #published = new Set<string>()
  /** Texts that were at their key, or found it taken. A refused upload waits for its client. */
  readonly #settled = new Set<string>()
  /** Texts that were at their key and left it. */
  readonly #gone = new Set<string>()
  /** The process that had the last turn, and how likely it has the next one. */
  #last: Actor | undefined
  readonly #persistence: number
  #count = 0

  constructor(random: Random, mishaps: ReadonlyMap<number, Mishap>) {
    this.#random = random
    this.#mishaps = mishaps
    this.#persistence = random.pick([0, 0.6, 0.95])
    this.#world.s3.now = () => this.#now
    this.#world.s3.onStep = (name, phase) => this.#wait(name, phase)
  }

  async play(): Promise<void> {
    const { store } = this.#world
    if (this.#random.chance(0.5)) await store.save(own, Buffer.from(this.#text()), 'text/plain', { overwrite: false })
    this.#look()
    await this.#arrive(own)
    if (this.#random.chance(0.5)) await this.#arrive(this.#random.chance(0.5) ? own : second)
    await this.#together(Array.from({ length: 3 + this.#random.int(4) }, () => this.#work()))
    await this.#finale()
  }

  /** Everything is delivered again, without mishaps. */
  async #finale(): Promise<void> {
    this.#mishaps = new Map()
    this.#tell('finale')
    for (let i = 0; i < 2; i++) {
      this.#now += 3_600_000
      await this.#together([
        ...this.#uploads.map((upload): [string, () => Promise<unknown>] => [
          `event ${this.#texts.get(upload.id)}`,
          () => this.#world.event(upload),
        ]),
        ['sweep', () => this.#world.sweep()],
      ])
    }
    for (const upload of this.#uploads) {
      const text = String(this.#texts.get(upload.id))
      const isWaiting = (await this.#world.store.incoming(upload.id)) !== undefined
      if (this.#published.has(text)) hold(!isWaiting, 'I3', `the bytes of ${text} are left behind`)
      else hold(isWaiting, 'I3', `${text} is lost`)
      hold(this.#settled.has(text), 'I3', `${text} waits, and nothing ever was at ${upload.key}`)
    }
  }

  #text(): string {
    this.#count += 1
    return `text ${this.#count}`
  }

  async #arrive(key: string): Promise<void> {
    const text = this.#text()
    const overwrite = this.#random.chance(0.5)
    const upload = await this.#world.arrive(key, text, { overwrite })
    this.#tell(`${text} arrives for ${key}${overwrite ? ', to overwrite' : ''}`)
    this.#uploads.push(upload)
    this.#texts.set(upload.id, text)
    if (this.#at.get(key) !== undefined) this.#settled.add(text)
  }

  /** Something that a function or a client does. */
  #work(): [string, () => Promise<unknown>] {
    const { store } = this.#world
    const upload = this.#random.pick(this.#uploads)
    const text = this.#texts.get(upload.id)
    const overwrite = this.#random.chance(0.5)
    const works: (() => [string, () => Promise<unknown>])[] = [
      () => [`event ${text}`, () => this.#world.event(upload)],
      () => [`confirm ${text}`, () => this.#world.confirm(upload)],
      () => ['sweep', () => this.#world.sweep()],
      () => ['delete', () => store.delete(own)],
      () => ['delete, again', () => store.delete(own).then(() => store.delete(own))],
      () => ['move', () => store.move(own, moved, { overwrite })],
      () => ['copy', () => store.copy(own, copied, { overwrite })],
      () => {
        const saved = this.#text()
        return [`save ${saved}`, () => store.save(own, Buffer.from(saved), 'text/plain', { overwrite })]
      },
      () => {
        const sent = this.#text()
        return [
          `complete ${sent}`,
          async () => this.#world.complete(await this.#world.begin(own, sent, { overwrite: false })),
        ]
      },
    ]
    return this.#random.pick(works)()
  }

  /** Runs processes beside each other until each has ended or crashed. */
  async #together(works: readonly [string, () => Promise<unknown>][]): Promise<void> {
    let running = works.length
    for (const [name, work] of works) {
      const actor: Actor = {
        name,
        isAlive: true,
        mishap: undefined,
        end: () => {
          if (actor.isAlive) running -= 1
          actor.isAlive = false
        },
      }
      const ended = this.#current.run(actor, work).then(
        () => this.#tell(`${name}: done`),
        (error: unknown) => {
          if (!(error instanceof AssetError) && !(error instanceof ServiceError)) this.#failure ??= error
          this.#tell(`${name}: ${String((error as Error).message)}`)
        },
      )
      void ended.finally(actor.end)
    }
    while (running > 0) {
      await settle()
      if (this.#failure !== undefined) throw this.#failure
      const [turn] = this.#turns.splice(this.#next(), 1)
      if (turn === undefined) continue
      this.#last = turn.actor
      this.#perform(turn)
    }
  }

  /** The turn to take: often that of the same process again, so that others begin before it and after it. */
  #next(): number {
    const same = this.#turns.findIndex(({ actor }) => actor === this.#last)
    return same >= 0 && this.#random.chance(this.#persistence) ? same : this.#random.int(this.#turns.length)
  }

  #wait(name: string, phase: 'before' | 'after'): Promise<void> {
    const actor = this.#current.getStore()
    this.#look()
    // A client sends the bytes of a part, and sends them until they have arrived.
    if (actor === undefined || name === 'UploadPartCommand') return Promise.resolve()
    return new Promise((go, fail) => {
      if (actor.isAlive) this.#turns.push({ actor, name, phase, go, fail })
    })
  }

  #perform({ actor, name, phase, go, fail }: Turn): void {
    this.#now += this.#random.int(400)
    if (phase === 'before') {
      this.calls += 1
      actor.mishap = this.#mishaps.get(this.calls)
      if (actor.mishap !== undefined) this.mishaps += 1
    }
    const { mishap } = actor
    this.#tell(`${this.calls} ${actor.name}: ${phase} ${name}${mishap === undefined ? '' : ` (${mishap})`}`)
    if (mishap === (phase === 'before' ? 'crash-before' : 'crash-after')) this.#kill(actor)
    else if (phase === 'before' && mishap === 'throttled') fail(refusal('SlowDown', 503))
    else if (phase === 'before' && mishap === 'denied') fail(refusal('AccessDenied', 403))
    else if (phase === 'after' && mishap === 'answer-lost')
      fail(Object.assign(new Error('the answer was lost'), { name: 'TimeoutError' }))
    else go()
  }

  /** A process that dies takes its other calls with it that S3 has not received. */
  #kill(actor: Actor): void {
    actor.end()
    for (let at = this.#turns.length - 1; at >= 0; at--) if (this.#turns[at]?.actor === actor) this.#turns.splice(at, 1)
  }

  /** Compares the keys of uploads with what was there at the last command. */
  #look(): void {
    try {
      for (const key of [own, second]) this.#lookAt(key)
    } catch (error) {
      this.#failure ??= error
    }
  }

  #lookAt(key: string): void {
    const before = this.#at.get(key)
    const text = this.#world.textAt(key)
    if (text === before) return
    this.#at.set(key, text)
    this.#tell(`${key}: ${text ?? 'nothing'}`)
    if (before !== undefined) this.#gone.add(before)
    if (text === undefined) return
    hold(!this.#gone.has(text), 'I3', `${text} comes back to ${key}`)
    this.#published.add(text)
    // Every upload that waits for this key now finds it taken.
    for (const upload of this.#uploads) if (upload.key === key) this.#settled.add(String(this.#texts.get(upload.id)))
  }

  #tell(line: string): void {
    this.story.push(line)
  }
}

function refusal(name: string, status: number): S3ServiceException {
  return new S3ServiceException({ name, $fault: 'client', message: name, $metadata: { httpStatusCode: status } })
}
