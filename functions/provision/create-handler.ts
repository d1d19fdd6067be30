import { failureReason, isAccessDenied } from '../../shared/operations/failure-reason.ts'
import { type Answer, sendAnswer } from './answer.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import { runInTime } from './in-time.ts'
import { deprovision, provision } from './provision.ts'
import { type ProvisionRequest, readRequest } from './request.ts'
import type { ProvisionStores } from './stores.ts'
import { UndoList } from './undo.ts'

/** What the function needs of the world. */
export interface ProvisionWorld {
  readonly openStores: (abortSignal?: AbortSignal) => ProvisionStores
  readonly fetch: typeof fetch
  readonly nowMs: () => number
  readonly wait: (ms: number) => Promise<void>
  /** Receives one line for each change; never a secret. */
  readonly report: (line: string) => void
}

/** What of Lambda's context is used. */
export interface ProvisionContext {
  readonly logStreamName: string
  getRemainingTimeInMillis(): number
}

/** Kept back of the function's time: for taking back what was made, and for the answer with its repetitions. */
const undoMs = 15_000
const answerMs = 20_000
/** A role that was made a moment ago is not known everywhere. */
const deniedTries = 5
const deniedPauseMs = 5000

/**
 * The handler of the custom resource. CloudFormation gets an answer in every case: a failure, an exception and a lack of time
 * become `FAILED`, after what this run made was taken back. Should the process itself die, Lambda runs the same request
 * again, which changes nothing that was done; should that fail too, the resource's `ServiceTimeout` ends the wait.
 */
export function createProvisionHandler(config: ProvisionFunctionConfig, world: ProvisionWorld) {
  return async (event: unknown, context: ProvisionContext): Promise<void> => {
    const request = readRequest(event)
    const answer = await answerTo(request, config, world, context)
    world.report(`${request.RequestType}: ${answer.Status}`)
    await sendAnswer(request, `${config.name}-keys`, answer, world.fetch)
  }
}

async function answerTo(
  request: ProvisionRequest,
  config: ProvisionFunctionConfig,
  world: ProvisionWorld,
  context: ProvisionContext,
): Promise<Answer> {
  const { report } = world
  const undo = new UndoList()
  try {
    return await runInTime(context.getRemainingTimeInMillis() - undoMs - answerMs, async (signal) => {
      for (let tried = 1; ; tried++) {
        try {
          const now = Math.floor(world.nowMs() / 1000)
          const run = { config, stores: world.openStores(signal), undo, now, report }
          return await (request.RequestType === 'Delete' ? deprovision(request, run) : provision(request, run))
        } catch (error) {
          if (!isAccessDenied(error) || tried === deniedTries) throw error
          report('permission denied: the role may be new, trying again')
          await undo.run(world.openStores, report)
          await world.wait(deniedPauseMs)
        }
      }
    })
  } catch (error) {
    await runInTime(undoMs, () => undo.run(world.openStores, report)).catch(() => report('taking back took too long'))
    const reason = `${failureReason(error)} (log stream ${context.logStreamName})`
    report(reason)
    return { Status: 'FAILED', Reason: reason }
  }
}
