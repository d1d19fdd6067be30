import type { BackOff } from './retry.ts'

/**
 * Keeps a document and its projection in agreement while several writers change both, without a lock and without a
 * transaction: revocation state and KeyValueStore. (The key document and the key group are no such pair: an order of steps keeps
 * them in agreement, see `shared/keys/rotation`. The group is a place of its own, `convergePlace`.)
 *
 * The document is the truth and is changed first. The projection is what the edge reads, and follows. Each of them refuses a write
 * that names an old version; nothing spans both. A writer repeats one round until it can return:
 *
 *   1. read the projection and its version
 *   2. read the document; change it (once), and save it on the version that was read
 *   3. write the difference to the projection, on the version of step 1
 *   4. read the document again: the same → done; another one → next round
 *
 * The order of steps 1 and 2 carries the proof. Let A have read an old document, and let B confirm a change of it meanwhile. B wrote
 * to the projection after A's step 2, hence after A's step 1, and A's step 3 is refused. With the document read first, A could
 * read the projection with B's entry in it, find no such entry in its old document, and delete it.
 *
 * A writer that finds nothing to write in step 3 moves no version, which has two consequences. A slower writer may still put
 * back what the document no longer holds: so that one reads the document again in step 4. And what was read in step 1 may be older
 * than the change of step 2: so a round that saved the document and wrote nothing is followed by another.
 *
 * Step 4 does not read the projection: lists are eventually consistent, and an accepted conditional write says more than a list.
 * For the same reason a writer that confirms an entry writes it even where the list already shows it (`plan`, `hasWritten`).
 *
 * A writer that dies half-way has confirmed nothing, and the next one completes its work.
 */
export interface ConvergingPair<Document, Projection, Change> {
  readonly document: {
    /** `undefined` where there is none. */
    load(): Promise<Versioned<Document> | undefined>
    /** Saves it, unless its version is no longer `version` (`undefined`: unless there is one). */
    save(value: Document, version: string | undefined): Promise<'saved' | 'changed-meanwhile'>
  }
  readonly projection: {
    /** The version first, then the content: a change in between must make the write fail. */
    read(): Promise<Versioned<Projection>>
    /** Applies a change, unless the version is no longer `version`. */
    write(change: Change, version: string): Promise<'written' | 'changed-meanwhile'>
  }
  /**
   * The document to go on with: the one that was read, or one that takes in what the projection holds.
   *
   * @throws where a missing document beside this projection is a fault.
   */
  settle(document: Document | undefined, projection: Projection): Document
  /**
   * The next change of the projection; `undefined` where it agrees with the document.
   *
   * @param hasWritten whether a write of this writer was accepted since its change of the document.
   */
  plan(document: Document, projection: Projection, hasWritten: boolean): Step<Change> | undefined
  isEqual(a: Document, b: Document): boolean
}

/** A value and the version that a conditional write of it names. */
export interface Versioned<T> {
  readonly value: T
  readonly version: string
}

/** One write to the projection. */
export interface Step<Change> {
  readonly change: Change
  /** True if projection and document agree after it; otherwise the change was too large for one write. */
  readonly isLast: boolean
}

/** How one writer works on a pair. */
export interface Convergence<Document> {
  /** Applied to the document once it was settled, and again only where saving it was refused. */
  readonly change?: (document: Document) => Document
  readonly backOff: BackOff
  /** The error to throw where others kept changing the pair until the deadline. */
  readonly busy: () => Error
}

/**
 * Changes the document, and brings the projection to it. When it returns, the change is in both, and no other writer removes it
 * unless its own document says so.
 *
 * @returns the document as it was saved or found.
 * @throws what the stores and `settle` throw, or `busy`.
 */
export async function converge<Document, Projection, Change>(
  pair: ConvergingPair<Document, Projection, Change>,
  { change, backOff, busy }: Convergence<Document>,
): Promise<Document> {
  let isChanged = change === undefined
  let hasWritten = false
  for (;;) {
    const projection = await pair.projection.read()
    const loaded = await pair.document.load()
    const settled = pair.settle(loaded?.value, projection.value)
    const document = isChanged || change === undefined ? settled : change(settled)
    const isSaved = loaded !== undefined && pair.isEqual(loaded.value, document)
    if (isSaved || (await pair.document.save(document, loaded?.version)) === 'saved') {
      isChanged = true
      const step = pair.plan(document, projection.value, hasWritten)
      if (step === undefined) {
        if (isSaved) return document
      } else if ((await pair.projection.write(step.change, projection.version)) === 'written') {
        hasWritten = true
        if (!step.isLast) {
          if (backOff.isOver()) throw busy()
          continue
        }
        const after = await pair.document.load()
        if (after !== undefined && pair.isEqual(after.value, document)) return document
      }
    }
    if (!(await backOff.pause())) throw busy()
  }
}

/** A place that several writers change, and of which nothing else is a copy: the key group. */
export interface ConvergingPlace<Current, Wanted> {
  /** What is there, with its version. */
  load(): Promise<Current>
  /** The state to write; `undefined` where the place is as it should be. @throws where it can never be. */
  plan(current: Current): Wanted | undefined
  /** Writes, unless the place is no longer `current`. */
  write(wanted: Wanted, current: Current): Promise<'written' | 'changed-meanwhile'>
}

/**
 * Brings one place to what is wanted of it. A change that another writer makes meanwhile is kept: the place is read again, and
 * the plan is made for what is there then.
 *
 * @throws what the place throws, or `busy`.
 */
export async function convergePlace<Current, Wanted>(
  { load, plan, write }: ConvergingPlace<Current, Wanted>,
  { backOff, busy }: Pick<Convergence<never>, 'backOff' | 'busy'>,
): Promise<void> {
  for (;;) {
    const current = await load()
    const wanted = plan(current)
    if (wanted === undefined || (await write(wanted, current)) === 'written') return
    if (!(await backOff.pause())) throw busy()
  }
}
