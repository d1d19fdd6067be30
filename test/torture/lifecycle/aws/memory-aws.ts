import type { AwsClients } from '../../../../functions/provision/aws-stores.ts'
import { CloudFront, type CloudFrontChance } from './cloudfront.ts'
import { AwsFault, type Input, type Operation } from './fault.ts'
import { Secrets } from './secrets.ts'
import { Buckets, KeyValueStore } from './stores.ts'

/** A command of the SDK. */
export interface Command {
  readonly constructor: { readonly name: string }
  readonly input: object
}

/** Carries a command out, now or later. */
export type Send = (command: Command, options?: { readonly abortSignal?: AbortSignal }) => Promise<object>

/** The account of AWS that one run works in, at the level of SDK commands. */
export class MemoryAws {
  readonly secrets = new Secrets()
  readonly cloudFront: CloudFront
  readonly buckets = new Buckets()
  readonly keyValues: KeyValueStore

  constructor(chance: CloudFrontChance) {
    this.cloudFront = new CloudFront(chance)
    this.keyValues = new KeyValueStore(chance.lagMs)
  }

  /**
   * Carries one command out.
   *
   * @param now epoch milliseconds at AWS.
   * @throws AwsFault as the service would.
   */
  execute({ constructor: { name }, input }: Command, now: number): object {
    const services = [this.secrets, this.cloudFront, this.buckets, this.keyValues]
    const operation = services.map(({ operations }): Operation | undefined => operations[name]).find((found) => found)
    if (operation === undefined) throw new AwsFault(`NoSuchOperation:${name}`)
    return operation(input as Input, now)
  }
}

/** The SDK's clients, with `send` replaced. */
export function clientsOf(send: Send): AwsClients {
  const client = { send } as unknown
  return {
    secrets: client as AwsClients['secrets'],
    cloudFront: client as AwsClients['cloudFront'],
    keyValues: client as AwsClients['keyValues'],
    s3: () => client as ReturnType<AwsClients['s3']>,
  }
}
