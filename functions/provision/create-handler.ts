import { ServiceError } from '../../shared/errors.ts'
import { failureReason, isAccessDenied, isTransientFault } from '../../shared/operations/failure-reason.ts'
import { type Clock, isConcurrentChange, retry } from '../../shared/operations/retry.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import { type Answer, deprovision, type ProvisionRun, provision, sendAnswer, settleRollback } from './provision.ts'
import { isRollback, type ProvisionRequest, readRequest } from './request.ts'
import type { ProvisionStores } from './stores.ts'
import { UndoList } from './undo.ts'

/** Dependencies of the function. */
export interface ProvisionDependencies {
  readonly openStores: (abortSignal?: AbortSignal) => ProvisionStores
  readonly fetch: typeof fetch
  readonly clock: Clock
  readonly startTimer: StartTimer
  /** Receives one line for each change; never a secret. */
  readonly report: (line: string) => void
}

/** The part of Lambda's context that is used. */
export interface ProvisionContext {
  readonly logStreamName: string
  getRemainingTimeInMillis(): number
}

/** Kept back of the function's time: for taking back what was made, and for the answer with its repetitions. */
const undoMs = 15_000
const answerMs = 20_000
/** A role that was made a moment ago is not known everywhere. */
const newRoleMs = 30_000
const pauses = { firstMs: 500, maxMs: 5000 }

/**
 * The handler of the custom resource. CloudFormation gets an answer in every case: a failure, an exception and a lack of time
 * become `FAILED`, after what this run made was taken back. Should the process itself die, Lambda runs the same request
 * again, which changes nothing that was done; should that fail too, the resource's `ServiceTimeout` ends the wait.
 */
export function createProvisionHandler(config: ProvisionFunctionConfig, dependencies: ProvisionDependencies) {
  return async (event: unknown, context: ProvisionContext): Promise<void> => {
    const request = readRequest(event)
    const answer = await answerTo(request, config, dependencies, context)
    dependencies.report(`${request.RequestType}: ${answer.Status}`)
    await sendAnswer(request, `${config.name}-keys`, answer, dependencies.fetch)
  }
}

async function answerTo(
  request: ProvisionRequest,
  config: ProvisionFunctionConfig,
  dependencies: ProvisionDependencies,
  context: ProvisionContext,
): Promise<Answer> {
  const { report, clock, startTimer, openStores } = dependencies
  const undo = new UndoList()
  const open = (signal?: AbortSignal): ProvisionRun => {
    const now = Math.floor(clock.nowMs() / 1000)
    return { config, stores: openStores(signal), undo, now, clock, report }
  }
  const settleMs = isRollback(request) ? undoMs : 0
  const workMs = context.getRemainingTimeInMillis() - undoMs - settleMs - answerMs
  const run = (signal: AbortSignal) =>
    request.RequestType === 'Delete' ? deprovision(request, open(signal)) : provision(request, open(signal))
  try {
    return await runInTime(workMs, startTimer, (signal) => repeat(() => run(signal), dependencies, signal, workMs))
  } catch (error) {
    const takeBack = () => undo.run(openStores, report)
    await runInTime(undoMs, startTimer, takeBack).catch(() => report('taking back took too long'))
    const reason = `${failureReason(error)} (log stream ${context.logStreamName})`
    report(reason)
    if (isRollback(request)) {
      const settled = runInTime(settleMs, startTimer, (signal) =>
        repeat(() => settleRollback(open(signal), reason), dependencies, signal, settleMs),
      )
      const answer = await settled.catch((fault) => report(`rollback: ${failureReason(fault)}`))
      if (answer !== undefined) return answer
    }
    return { Status: 'FAILED', Reason: reason }
  }
}

/**
 * Runs a request, and again where that may help: another run came first, AWS failed for a moment, or the role is new. Nothing
 * is taken back in between, because every step goes on from what is there.
 */
function repeat(
  run: () => Promise<Answer>,
  { clock, report }: ProvisionDependencies,
  signal: AbortSignal,
  totalMs: number,
): Promise<Answer> {
  const begun = clock.nowMs()
  const isWorthRepeating = (error: unknown) => {
    const isDenied = isAccessDenied(error) && clock.nowMs() - begun < newRoleMs
    const again = !signal.aborted && (isDenied || isConcurrentChange(error) || isTransientFault(error))
    if (again) report(`${isDenied ? 'permission denied, the role may be new' : failureReason(error)}: trying again`)
    return again
  }
  return retry(run, isWorthRepeating, { ...pauses, totalMs }, clock)
}

/** Calls `fire` after `ms`, unless the timer is cancelled by the function that it returns. */
export type StartTimer = (ms: number, fire: () => void) => () => void

/**
 * Runs work that must end before a deadline. When time is up the signal is aborted, and the result does not wait for the work
 * to notice.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE` when time is up; else what the work throws.
 */
async function runInTime<T>(ms: number, startTimer: StartTimer, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const timeUp = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
  })
  const cancel = startTimer(ms, () => {
    abort.abort(new ServiceError('ERR_KEYS_UNAVAILABLE', 'AWS did not answer in time: deploy again'))
  })
  try {
    return await Promise.race([work(abort.signal), timeUp])
  } finally {
    cancel()
  }
}
