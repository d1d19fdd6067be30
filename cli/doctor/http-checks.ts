import type { Deployment } from '../../shared/config/parse.ts'
import { parseGrantTemplate, templateBehaviour } from '../../shared/grant/template.ts'
import { answerTime } from '../stage/answer-time.ts'
import { type Check, fail, pass, unknown } from './check.ts'

/** AWS refuses signatures that are more than five minutes off; sessions are checked to the minute. */
const mostSecondsOff = 60
const timeoutMs = 10_000

/** What a stage is asked with. */
export interface PublicStage {
  /** `https://cdn.example.com`; `undefined` where it is not known. */
  readonly origin: string | undefined
  readonly enforcement: string
  /** Epoch seconds. */
  readonly now: () => number
}

/** What a running stage answers, asked as a stranger would. */
export function httpChecks({ config }: Deployment, { origin, enforcement, now }: PublicStage): readonly Check[] {
  const ask = (path: string) =>
    fetch(`${origin}${path}`, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
  const check = (name: string, look: Check['look']): Check => ({
    name,
    look: () =>
      origin === undefined ? Promise.resolve(unknown('no host is known: set cdnHost, or give --url')) : look(),
  })
  const [template = ''] = config.grants
  const privatePath = `${templateBehaviour(parseGrantTemplate(template)).slice(0, -1)}doctor/nothing`
  return [
    check('api', async () => {
      const { status } = await ask('/api/health/ready')
      if (status === 200) return pass('keys, revocation state and store answer')
      return fail(`/api/health/ready answers ${status}`, "the API's log says which of keys, state and store is away")
    }),
    check('session', async () => {
      const response = await ask('/_edge/session')
      const { code } = (await response.json().catch(() => ({}))) as { code?: string }
      if (response.status === 401 && code === 'ERR_SESSION_MISSING')
        return pass('a request without a session is told to sign in')
      return fail(
        `/_edge/session answers ${response.status} ${code ?? ''}`.trimEnd(),
        'the behaviours /_edge/session and /_edge/session/* must call the session function',
      )
    }),
    check('private paths', async () => {
      const { status } = await ask(privatePath)
      const wanted = enforcement === 'gate' ? 401 : 403
      if (status === wanted) return pass(`${privatePath} is ${status} without cookies`)
      return fail(
        `${privatePath} answers ${status} without cookies, not ${wanted}`,
        enforcement === 'gate'
          ? 'its behaviour must call the session function'
          : 'its behaviour must trust the key group: see docs/attach.md',
      )
    }),
    check('clock', async () => {
      const date = answerTime((await ask('/api/health')).headers.get('date'))
      if (date === undefined) return unknown('the answer has no Date')
      const off = Math.round(now() - date)
      if (Math.abs(off) <= mostSecondsOff) return pass(`${Math.abs(off)} s apart`)
      return fail(
        `this machine is ${Math.abs(off)} s ${off > 0 ? 'ahead' : 'behind'}`,
        'set its clock: AWS refuses signatures that are five minutes off',
      )
    }),
  ]
}
