import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import * as v from 'valibot'
import { defaultStateDirectory } from '../input/local-stage.ts'

const factsSchema = v.object({ process: v.number(), enforcement: v.picklist(['key-group', 'gate']) })

/** What a stage that runs on this machine says of itself (`local/hosts/own-pages.ts`). */
export type RunningStage = v.InferOutput<typeof factsSchema>

const timeoutMs = 2000

/**
 * Asks who answers at an address. It is asked, and not its configuration, because options of `npm start` may have named
 * another mode; and by HTTP, because a file that a process left behind says nothing about the port.
 *
 * @param url `http://localhost:8080`
 * @param state the stage's state directory, where its certificate is.
 * @returns `undefined` where nothing answers, or something that is no local stage.
 */
export async function askRunningStage(url: string, state = defaultStateDirectory): Promise<RunningStage | undefined> {
  const ca = await readFile(join(state, 'tls.crt'), 'utf8').catch(() => undefined)
  const dispatcher = new Agent({ maxResponseSize: 4096, connect: ca === undefined ? {} : { ca } })
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const { statusCode, body } = await request(new URL('/dev/stage', url), { dispatcher, signal })
    const facts = v.safeParse(factsSchema, await body.json())
    return statusCode === 200 && facts.success ? facts.output : undefined
  } catch {
    return undefined
  } finally {
    void dispatcher.destroy()
  }
}

/** The stage that serves a port of this machine, with TLS or without. */
export async function findRunningStage(port: number, state?: string): Promise<RunningStage | undefined> {
  const plain = await askRunningStage(`http://127.0.0.1:${port}`, state)
  return plain ?? askRunningStage(`https://127.0.0.1:${port}`, state)
}
