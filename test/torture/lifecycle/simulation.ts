import { setImmediate as settle } from 'node:timers/promises'
import type { AwsClients } from '../../../functions/provision/aws-stores.ts'
import type { StartTimer } from '../../../functions/provision/create-handler.ts'
import type { Clock } from '../../../shared/operations/retry.ts'
import type { Random } from '../random.ts'
import { AwsFault } from './aws/fault.ts'
import { type Command, clientsOf, type MemoryAws, type Send } from './aws/memory-aws.ts'

/** The things that can happen to a call beside its answer. */
export type Mishap =
  /** The process dies, and AWS has not received the call. */
  | 'crash-before'
  /** The process dies, and AWS has carried the call out. */
  | 'crash-after'
  /** AWS refuses for want of capacity; the SDK's own retries are used up. */
  | 'throttled'
  /** AWS carries the call out, and its answer is lost. */
  | 'answer-lost'
  /** AWS refuses for want of a permission. */
  | 'denied'

/** All of them. */
export const mishaps: readonly Mishap[] = ['crash-before', 'crash-after', 'throttled', 'answer-lost', 'denied']

/** A process that works on AWS: one invocation of a function. */
export interface Actor {
  readonly name: string
  readonly clients: AwsClients
  readonly clock: Clock
  readonly startTimer: StartTimer
  readonly report: (line: string) => void
}

/** How an actor ended. */
export type Ending<T> = { readonly value: T } | { readonly error: unknown } | 'crashed'

interface Turn {
  readonly actor: string
  readonly command: Command
  readonly answer: (outcome: { value: object } | { error: unknown }) => void
  readonly crash: () => void
}

/**
 * Virtual time, and actors whose calls to AWS are carried out one by one in an order that chance decides. Between two calls
 * nothing else happens, so the order of the calls is the whole interleaving, and a seed repeats it.
 */
export class Simulation {
  /** Every call, crash and change, in order: the story of the run. */
  readonly story: string[] = []
  /** Calls carried out or cut off so far. */
  calls = 0
  /** Mishaps that happened so far. */
  mishaps = 0
  /** Epoch milliseconds, at AWS. */
  now = 1_800_000_000_000
  /** The clock of our functions is so much ahead of that of AWS. */
  skewMs = 0
  /** Decides on the mishap of a call; `undefined` for none. */
  mishapOf: (call: number, actor: string, command: string) => Mishap | undefined = () => undefined
  /** Called after every call. */
  afterCall: () => void = () => {}
  readonly #aws: MemoryAws
  readonly #random: Random
  readonly #turns: Turn[] = []
  #timers: { readonly at: number; readonly fire: () => void }[] = []
  #failure: unknown

  constructor(aws: MemoryAws, random: Random) {
    this.#aws = aws
    this.#random = random
  }

  /** Starts a process. It ends with its work, or by a crash. */
  async spawn<T>(name: string, work: (actor: Actor) => Promise<T>): Promise<Ending<T>> {
    const state = { isAlive: true }
    const report = (line: string) => {
      if (state.isAlive) this.tell(`${name}: ${line}`)
    }
    return new Promise((resolve) => {
      const end = (ending: Ending<T>) => {
        if (!state.isAlive) return
        state.isAlive = false
        resolve(ending)
      }
      const crash = () => end('crashed')
      const clients = clientsOf(this.#sender(name, state, crash))
      const wait = (ms: number) => new Promise<void>((resolve) => void this.#startTimer(ms, state, resolve))
      const clock = { nowMs: () => this.now + this.skewMs, random: () => this.#random.int(1000) / 1000, wait }
      const startTimer: StartTimer = (ms, fire) => this.#startTimer(ms, state, fire)
      work({ name, clients, clock, startTimer, report }).then(
        (value) => end({ value }),
        (error: unknown) => end({ error }),
      )
    })
  }

  /** Time passes for a process that is none: CloudFormation, an operator. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#startTimer(ms, { isAlive: true }, resolve))
  }

  /** Runs until the plot has ended. @throws the error of the plot, or of a check. */
  async run(plot: () => Promise<void>): Promise<void> {
    let ending: { error?: unknown } | undefined
    plot().then(
      () => {
        ending = {}
      },
      (error: unknown) => {
        ending = { error }
      },
    )
    for (;;) {
      await settle()
      if (this.#failure !== undefined) throw this.#failure
      if (ending !== undefined) break
      if (this.#fireTimers()) continue
      if (this.#turns.length > 0) this.#perform()
      else if (!this.#skipToTimer()) throw new Error('the plot waits for nothing')
    }
    if ('error' in ending) throw ending.error
  }

  tell(line: string): void {
    this.story.push(line)
  }

  #sender(actor: string, state: { isAlive: boolean }, crash: () => void): Send {
    return (command, options) =>
      new Promise((resolve, reject) => {
        if (!state.isAlive) return
        const { abortSignal } = options ?? {}
        const answer: Turn['answer'] = (outcome) => {
          if (!state.isAlive) return
          if (abortSignal?.aborted) reject(new AwsFault('AbortError'))
          else if ('value' in outcome) resolve(outcome.value)
          else reject(outcome.error)
        }
        if (abortSignal?.aborted) reject(new AwsFault('AbortError'))
        else this.#turns.push({ actor, command, answer, crash })
      })
  }

  #startTimer(ms: number, state: { isAlive: boolean }, fire: () => void): () => void {
    const timer = { at: this.now + Math.max(1, ms), fire: () => void (state.isAlive && fire()) }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  #fireTimers(): boolean {
    const due = this.#timers.filter(({ at }) => at <= this.now)
    this.#timers = this.#timers.filter(({ at }) => at > this.now)
    for (const { fire } of due) fire()
    return due.length > 0
  }

  #skipToTimer(): boolean {
    if (this.#timers.length === 0) return false
    this.now = Math.max(this.now, Math.min(...this.#timers.map(({ at }) => at)))
    return true
  }

  #perform(): void {
    const [turn] = this.#turns.splice(this.#random.int(this.#turns.length), 1)
    if (turn === undefined) return
    this.calls += 1
    this.now += 20 + this.#random.int(200)
    const mishap = this.mishapOf(this.calls, turn.actor, turn.command.constructor.name)
    if (mishap !== undefined) this.mishaps += 1
    const what = `${this.calls} ${turn.actor} ${describe(turn.command)}`
    if (mishap === 'crash-before') {
      this.tell(`${what}: CRASH, not carried out`)
      this.#kill(turn)
      return
    }
    const outcome =
      mishap === 'throttled' || mishap === 'denied' ? { error: faults[mishap]() } : this.#execute(turn.command)
    this.tell(
      `${what}: ${'value' in outcome ? 'done' : String((outcome.error as Error).name)}${mishap === undefined ? '' : `, ${mishap}`}`,
    )
    if (mishap === 'crash-after') this.#kill(turn)
    else turn.answer(mishap === 'answer-lost' && 'value' in outcome ? { error: faults['answer-lost']() } : outcome)
    try {
      this.afterCall()
    } catch (error) {
      this.#failure ??= error
    }
  }

  /** A process that dies takes its other calls with it that AWS has not received. */
  #kill({ crash }: Turn): void {
    crash()
    for (let at = this.#turns.length - 1; at >= 0; at--) if (this.#turns[at]?.crash === crash) this.#turns.splice(at, 1)
  }

  #execute(command: Command): { value: object } | { error: unknown } {
    try {
      return { value: this.#aws.execute(command, this.now) }
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error
      return { error }
    }
  }
}

const faults = {
  throttled: () => new AwsFault('ThrottlingException'),
  denied: () => new AwsFault('AccessDeniedException', 403),
  'answer-lost': () => new AwsFault('TimeoutError'),
} as const

/** A command in words; never a private key. */
function describe({ constructor: { name }, input }: Command): string {
  const { VersionStage, VersionStages, MoveToVersionId, RemoveFromVersionId, VersionId, ClientRequestToken, Id, Key } =
    input as Record<string, unknown>
  const { KeyGroupConfig, IfMatch } = input as Record<string, { Items?: unknown }>
  const { Puts, Deletes } = input as Record<string, { Key: string }[] | undefined>
  const shown = {
    VersionStage,
    VersionStages,
    MoveToVersionId,
    RemoveFromVersionId,
    VersionId,
    ClientRequestToken,
    Id,
    Key,
  }
  const all = { ...shown, IfMatch, Items: KeyGroupConfig?.Items, Puts: keysOf(Puts), Deletes: keysOf(Deletes) }
  // Keys only: the stamp key is among the values.
  return `${name.replace(/Command$/, '')}${JSON.stringify(all)}`
}

function keysOf(entries: readonly { readonly Key: string }[] | undefined): readonly string[] | undefined {
  return entries?.map(({ Key }) => Key)
}
