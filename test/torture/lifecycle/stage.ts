import { openAwsStores } from '../../../functions/provision/aws-stores.ts'
import { createRotateKeyHandler } from '../../../functions/rotate-key/create-handler.ts'
import type { KeyRing } from '../../../shared/keys/key-ring.ts'
import { keyTimes } from '../../../shared/keys/key-times.ts'
import type { RevocationStores } from '../../../shared/revocation/stores.ts'
import { Random } from '../random.ts'
import { MemoryAws } from './aws/memory-aws.ts'
import {
  type Answer,
  type Deployed,
  invocations,
  keyValueStoreArn,
  name,
  type Properties,
  type RequestType,
  secretId,
  sendRequest,
  timedOut,
} from './custom-resource.ts'
import { hold, Invariants } from './invariants.ts'
import { type Actor, type Ending, type Mishap, Simulation } from './simulation.ts'

const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const

/**
 * A stage in an account of its own, driven as AWS drives it: by CloudFormation with its rollbacks, by Secrets Manager with its
 * repetitions, by the daily rule, and by an operator. Everything comes from the seed.
 */
export class Stage {
  readonly random: Random
  readonly aws: MemoryAws
  readonly simulation: Simulation
  readonly invariants: Invariants
  readonly mark = secretId
  readonly groupName = `${name}-keys`
  #stack: Deployed | undefined
  #stacks = 0
  #deployments = 0
  #tokens = 0

  constructor(seed: string) {
    this.random = new Random(seed)
    const lagMs = () => (this.random.chance(0.5) ? 0 : this.random.int(15_000))
    const conflict = () => this.random.pick(['PreconditionFailed', 'InvalidIfMatchVersion'])
    this.aws = new MemoryAws({ lagMs, conflict })
    this.simulation = new Simulation(this.aws, this.random)
    this.simulation.skewMs = this.random.int(600_001) - 300_000
    this.invariants = new Invariants(this.aws, secretId)
    this.simulation.afterCall = () => this.invariants.check(this.simulation.now)
    this.aws.buckets.all.set('bucket', new Map())
    this.aws.buckets.all.set('other', new Map([['_state/owner', { text: 'other/dev', etag: '"0"' }]]))
    for (let i = 0; i < 3; i++) this.aws.cloudFront.addKey(`foreign-${i}`, 'theirs', 'pem', 0)
  }

  /** True where AWS may fail for so long that a rollback fails, too. */
  isOutage = false

  /** Mishaps for the calls with these numbers, counted from now on. */
  plan(mishaps: ReadonlyMap<number, Mishap>): void {
    const from = this.simulation.calls
    this.simulation.mishapOf = (call) => mishaps.get(call - from)
  }

  /** From here on nothing goes wrong. */
  endMishaps(): void {
    this.simulation.mishapOf = () => undefined
  }

  /** The stack as it is deployed. */
  get stack(): Deployed | undefined {
    return this.#stack
  }

  get isDeployed(): boolean {
    return this.#stack !== undefined
  }

  /** `serverless deploy`: a new stack or an update, with the rollback that CloudFormation makes where it fails. */
  async deploy(change: Partial<Properties> = {}, fails: { later?: boolean } = {}): Promise<'deployed' | 'rolled-back'> {
    return this.#stack === undefined ? this.#create(change, fails) : this.#update(change, fails)
  }

  /** `serverless remove`. @returns the answer of the last try; CloudFormation stops at one that failed. */
  async remove(): Promise<Answer> {
    const stack = this.#stack
    if (stack === undefined) throw new Error('there is no stack')
    this.invariants.facts.isLive = false
    const answer = await this.#send('Delete', stack)
    if (answer.Status === 'SUCCESS') this.#forgetStack(stack.id)
    return answer
  }

  /** Lambda may deliver an event twice, and late: a further run for a stack as it is or was, beside whatever runs. */
  async deliverAgain(type: RequestType, to: Deployed | undefined = this.#stack): Promise<void> {
    if (to !== undefined) await this.#send(type, to)
  }

  /** Secrets Manager rotates: four steps, each run again when it fails, then the whole given up. */
  async rotate(): Promise<boolean> {
    const pending = this.#labelled('AWSPENDING')
    const token = pending !== undefined && pending !== this.#labelled('AWSCURRENT') ? pending : this.newToken()
    for (const step of steps) if (!(await this.#step(step, token))) return false
    return true
  }

  newToken(): string {
    this.#tokens += 1
    return `rotation-${this.#tokens}`
  }

  /** One step of a rotation, once. */
  step(step: (typeof steps)[number], token: string): Promise<Ending<void>> {
    return this.#rotateKey(`rotate:${step}`, {
      Step: step,
      ClientRequestToken: token,
      SecretId: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${secretId}-AbCdEf`,
    })
  }

  /** The daily rule. */
  daily(): Promise<Ending<void>> {
    return this.#rotateKey('daily', { source: 'aws.events' })
  }

  /** An operator takes a key out of the group by hand, because it leaked. */
  withdraw(id: string): void {
    const { cloudFront } = this.aws
    const group = cloudFront.groupNamed(this.groupName)
    if (!group?.items.includes(id) || group.items.length < 2) return
    const { now } = this.simulation
    this.simulation.tell(`operator: takes ${id} out of the group`)
    const signs = [-300, 0, 300].map((skew) => this.invariants.signingKey(Math.floor(now / 1000) + skew)?.id)
    if (signs.includes(id)) this.invariants.facts.isBrokenByHand = true
    const KeyGroupConfig = { Name: group.name, Comment: group.comment, Items: group.items.filter((key) => key !== id) }
    cloudFront.operations.UpdateKeyGroupCommand?.({ Id: group.id, IfMatch: group.etag, KeyGroupConfig }, now)
  }

  /** An operator changes the key group by hand. */
  editGroup(change: (ids: readonly string[]) => readonly string[]): void {
    const { cloudFront } = this.aws
    const group = cloudFront.groupNamed(this.groupName)
    if (group === undefined) throw new Error('there is no key group')
    this.simulation.tell('operator: edits the key group')
    const KeyGroupConfig = { Name: group.name, Comment: group.comment, Items: change(group.items) }
    const input = { Id: group.id, IfMatch: group.etag, KeyGroupConfig }
    cloudFront.operations.UpdateKeyGroupCommand?.(input, this.simulation.now)
  }

  /** The answer to the next command of this name is lost, whatever else is planned. */
  loseAnswerTo(command: string): void {
    const planned = this.simulation.mishapOf
    let isLost = false
    this.simulation.mishapOf = (call, actor, name) => {
      if (isLost || name !== command) return planned(call, actor, name)
      isLost = true
      return 'answer-lost'
    }
  }

  /** `serverless deploy` under another stack name, for the same service and stage. It is to fail. */
  async createSecondStack(): Promise<void> {
    const id = `arn:aws:cloudformation:us-east-1:000000000000:stack/second/${this.#stacks}`
    const stack = { id, properties: initial, deployment: this.#newDeployment() }
    hold((await this.#send('Create', stack)).Status === 'FAILED', 'I4', 'a second stack takes the keys of the first')
    for (let tries = 0; (await this.#send('Delete', stack)).Status !== 'SUCCESS'; tries++) {
      hold(tries < 6, 'I4', 'the second stack cannot be rolled back')
      await this.simulation.sleep(60_000)
    }
  }

  /** Returns the stores of revocations, for an actor: those that the deployed functions are configured with. */
  revocations({ clients, clock }: Actor): RevocationStores {
    const stores = openAwsStores(secretId, clients)
    const bucket = this.#stack?.properties.BucketName ?? initial.BucketName
    const { state, name: home } = stores.bucket({ name: bucket, region: 'us-east-1' })
    return { keyValues: stores.keyValues(keyValueStoreArn), state, home, clock }
  }

  /** Returns the keys of the stage, for an actor. */
  ring({ clients, clock, report }: Actor): Omit<KeyRing, 'now'> {
    const { secret, trusted } = openAwsStores(secretId, clients)
    const algorithm = this.#stack?.properties.Algorithm ?? initial.Algorithm
    return { name, secret, trusted, algorithm, times: keyTimes, clock, report }
  }

  async #create(change: Partial<Properties>, { later }: { later?: boolean }): Promise<'deployed' | 'rolled-back'> {
    this.#stacks += 1
    const id = `arn:aws:cloudformation:us-east-1:000000000000:stack/${name}/${this.#stacks}`
    const stack = { id, properties: { ...initial, ...change }, deployment: this.#newDeployment() }
    this.#stack = stack
    this.invariants.facts.stacks.add(id)
    const answer = await this.#send('Create', stack)
    if (answer.Status === 'SUCCESS' && later !== true) {
      this.#goLive()
      return 'deployed'
    }
    this.simulation.tell('CloudFormation: rolls the creation back')
    while ((await this.#send('Delete', stack)).Status !== 'SUCCESS') await this.simulation.sleep(60_000)
    this.#forgetStack(id)
    return 'rolled-back'
  }

  async #update(change: Partial<Properties>, { later }: { later?: boolean }): Promise<'deployed' | 'rolled-back'> {
    const before = this.#stack
    if (before === undefined) throw new Error('there is no stack')
    const after = { ...before, properties: { ...before.properties, ...change }, deployment: this.#newDeployment() }
    const answer = await this.#send('Update', after, before)
    if (answer.Status === 'SUCCESS' && later !== true) {
      this.#stack = after
      this.#goLive()
      return 'deployed'
    }
    this.simulation.tell('CloudFormation: rolls the update back')
    let rollback = await this.#send('Update', before, after)
    if (rollback.Reason === timedOut || (this.isOutage && rollback.Status === 'FAILED')) {
      // Each of the three runs died, or AWS failed all the time. No function survives that; the documented way out is to go on
      // with the rollback, once AWS works again.
      if (this.isOutage) this.endMishaps()
      this.simulation.tell('operator: continues the rollback')
      rollback = await this.#send('Update', before, after)
    }
    hold(rollback.Status === 'SUCCESS', 'I4', `UPDATE_ROLLBACK_FAILED: ${rollback.Reason}`)
    hold(rollback.Data?.KeyGroupId !== undefined, 'I4', 'the rollback lost the key group')
    return 'rolled-back'
  }

  #send(type: RequestType, to: Deployed, from?: Deployed): Promise<Answer> {
    return sendRequest(this.simulation, type, to, from)
  }

  #goLive(): void {
    this.invariants.facts.isLive = true
    this.invariants.facts.isBrokenByHand = false
    this.invariants.check(this.simulation.now)
  }

  #forgetStack(id: string): void {
    this.#stack = undefined
    this.invariants.facts.isLive = false
    this.invariants.facts.stacks.delete(id)
    this.invariants.checkAtRest()
  }

  #newDeployment(): string {
    this.#deployments += 1
    const at = this.simulation.now + this.#deployments
    return `${at}-${new Date(at).toISOString()}`
  }

  async #step(step: (typeof steps)[number], token: string): Promise<boolean> {
    for (let run = 1; run <= invocations; run++) {
      const ending = await this.step(step, token)
      if (ending !== 'crashed' && 'value' in ending) return true
      await this.simulation.sleep(60_000)
    }
    return false
  }

  #rotateKey(actorName: string, event: object): Promise<Ending<void>> {
    return this.simulation.spawn(actorName, async (actor) => {
      await createRotateKeyHandler({ ring: this.ring(actor), revocations: this.revocations(actor) })(event)
    })
  }

  #labelled(label: string): string | undefined {
    return [...(this.invariants.secret()?.versions ?? [])].find(([, { labels }]) => labels.has(label))?.[0]
  }
}

const initial: Properties = { Algorithm: 'ES256', SessionSecret: 'shared', BucketName: 'bucket' }
