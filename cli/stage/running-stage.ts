import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import * as v from 'valibot'
import { defaultStateDirectory } from './local-stage.ts'

const stageSchema = v.object({ process: v.number(), enforcement: v.picklist(['key-group', 'gate']) })

/** Description that a running local stage gives of itself (`local/dev-pages.ts`). */
export type RunningStage = v.InferOutput<typeof stageSchema>

const timeoutMs = 2000

/**
 * Asks the stage at an address for its description. The configuration does not suffice, because options of `npm start` may have
 * named another mode. A state file does not suffice either, because it may remain from a process that ended.
 *
 * @param url `http://localhost:8080`
 * @param state state directory of the stage, which contains its certificate.
 * @returns `undefined` if nothing responds, or something other than a local stage.
 */
export async function askRunningStage(url: string, state = defaultStateDirectory): Promise<RunningStage | undefined> {
  const ca = await readFile(join(state, 'tls.crt'), 'utf8').catch(() => undefined)
  const dispatcher = new Agent({ maxResponseSize: 4096, connect: ca === undefined ? {} : { ca } })
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const { statusCode, body } = await request(new URL('/dev/stage', url), { dispatcher, signal })
    const answer = v.safeParse(stageSchema, await body.json())
    return statusCode === 200 && answer.success ? answer.output : undefined
  } catch {
    return undefined
  } finally {
    void dispatcher.destroy()
  }
}

/** Finds the stage that serves a port of this machine, with or without TLS. */
export async function findRunningStage(port: number, state?: string): Promise<RunningStage | undefined> {
  const plain = await askRunningStage(`http://127.0.0.1:${port}`, state)
  return plain ?? askRunningStage(`https://127.0.0.1:${port}`, state)
}
