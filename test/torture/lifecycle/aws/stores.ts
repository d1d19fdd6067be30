import { AwsFault, type Input, type Operation, textOf } from './fault.ts'

/** S3 objects, written and removed conditionally. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
export class Buckets {
  /** By bucket, then by key. */
  readonly all = new Map<string, Map<string, { readonly text: string; readonly etag: string }>>()
  #count = 0

  readonly operations: Readonly<Record<string, Operation>> = {
    GetObjectCommand: (input) => {
      const object = this.#bucket(input).get(textOf(input, 'Key'))
      if (object === undefined) throw new AwsFault('NoSuchKey', 404)
      return { Body: { transformToString: async () => object.text }, ETag: object.etag }
    },
    PutObjectCommand: (input) => {
      const bucket = this.#bucket(input)
      const key = textOf(input, 'Key')
      const there = bucket.get(key)
      if (input.IfNoneMatch === '*' && there !== undefined) throw new AwsFault('PreconditionFailed', 412)
      if (input.IfMatch !== undefined && there === undefined) throw new AwsFault('NoSuchKey', 404)
      if (input.IfMatch !== undefined && there?.etag !== input.IfMatch) throw new AwsFault('PreconditionFailed', 412)
      this.#count += 1
      bucket.set(key, { text: textOf(input, 'Body'), etag: `"${this.#count}"` })
      return { ETag: `"${this.#count}"` }
    },
    DeleteObjectCommand: (input) => {
      const bucket = this.#bucket(input)
      const key = textOf(input, 'Key')
      if (input.IfMatch !== undefined && bucket.get(key)?.etag !== input.IfMatch) {
        throw new AwsFault(bucket.has(key) ? 'PreconditionFailed' : 'NoSuchKey', 412)
      }
      bucket.delete(key)
      return {}
    },
  }

  #bucket(input: Input) {
    const bucket = this.all.get(textOf(input, 'Bucket'))
    if (bucket === undefined) throw new AwsFault('NoSuchBucket', 404)
    return bucket
  }
}

/** A KeyValueStore: every update names the `ETag` of the whole store; the list of its keys lags behind. */
export class KeyValueStore {
  readonly entries = new Map<string, string>()
  /** False where lists show what is there. */
  lags = true
  readonly #lagMs: () => number
  readonly #past: { readonly at: number; readonly entries: ReadonlyMap<string, string> }[] = []
  #version = 1

  /** @param lagMs a lag for the next list, in milliseconds. */
  constructor(lagMs: () => number) {
    this.#lagMs = lagMs
  }

  readonly operations: Readonly<Record<string, Operation>> = {
    DescribeKeyValueStoreCommand: () => ({ ETag: `KV${this.#version}` }),
    ListKeysCommand: (_input, now) => ({
      Items: [...this.#listed(now)].map(([Key, Value]) => ({ Key, Value })),
    }),
    UpdateKeysCommand: (input, now) => {
      if (input.IfMatch !== `KV${this.#version}`) throw new AwsFault('ConflictException', 409)
      const puts = (input.Puts ?? []) as { Key: string; Value: string }[]
      const deletes = (input.Deletes ?? []) as { Key: string }[]
      if (puts.length + deletes.length > 50) throw new AwsFault('ValidationException')
      for (const { Key } of deletes) this.entries.delete(Key)
      for (const { Key, Value } of puts) this.entries.set(Key, Value)
      this.#version += 1
      this.#past.push({ at: now, entries: new Map(this.entries) })
      if (this.#past.length > 60) this.#past.shift()
      return { ETag: `KV${this.#version}` }
    },
  }

  /** Another store in the place of this one, without an entry. */
  replace(): void {
    this.entries.clear()
    this.#past.length = 0
  }

  #listed(now: number): ReadonlyMap<string, string> {
    const at = now - (this.lags ? this.#lagMs() : 0)
    if (this.#past.length === 0) return this.entries
    return this.#past.findLast((past) => past.at <= at)?.entries ?? new Map()
  }
}
