import type { Deployment } from '../../shared/config/parse.ts'
import { templateBehaviour } from '../../shared/grant/template.ts'
import { fail, pass, unknown } from '../finding.ts'
import { parseHttpDate } from '../input/time.ts'
import type { Check } from './check.ts'

/** AWS refuses signatures whose time is wrong by more than five minutes; sessions tolerate one minute. */
const maxSecondsOff = 60
const timeoutMs = 10_000

/** Address and mode of a running stage. */
export interface PublicStage {
  /** `https://cdn.example.com`; `undefined` if unknown. */
  readonly origin: string | undefined
  readonly enforcement: string
  /** Epoch seconds. */
  readonly now: () => number
}

/** Checks of the responses of a running stage to an anonymous client. */
export function httpChecks({ config }: Deployment, { origin, enforcement, now }: PublicStage): readonly Check[] {
  const ask = (path: string) =>
    fetch(`${origin}${path}`, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
  const check = (name: string, run: Check['run']): Check => ({
    name,
    run: () =>
      origin === undefined ? Promise.resolve(unknown('no host is known: set cdnHost, or give --url')) : run(),
  })
  const [pattern = '/*'] = config.grants.map(templateBehaviour)
  const privatePath = `${pattern.slice(0, -1)}doctor/nothing`
  return [
    check('api', async () => {
      const { status } = await ask('/api/health/ready')
      if (status === 200) return pass('keys, revocation state and store are available')
      return fail(
        `/api/health/ready returns ${status}`,
        "the API's log says which of keys, state and store is unavailable",
      )
    }),
    check('session', async () => {
      const response = await ask('/_edge/session')
      const { code } = (await response.json().catch(() => ({}))) as { code?: string }
      if (response.status === 401 && code === 'ERR_SESSION_MISSING') return pass('a request without a session gets 401')
      return fail(
        `/_edge/session returns ${response.status} ${code ?? ''}`.trimEnd(),
        'the behaviours /_edge/session and /_edge/session/* must call the session function',
      )
    }),
    check('private paths', async () => {
      const { status } = await ask(privatePath)
      const wanted = enforcement === 'gate' ? 401 : 403
      if (status === wanted) return pass(`${privatePath} returns ${status} without cookies`)
      return fail(
        `${privatePath} returns ${status} without cookies, not ${wanted}`,
        enforcement === 'gate'
          ? 'its behaviour must call the session function'
          : 'its behaviour must trust the key group: see docs/attach.md',
      )
    }),
    check('clock', async () => {
      const date = parseHttpDate((await ask('/api/health')).headers.get('date'))
      if (date === undefined) return unknown('the response has no Date')
      const off = Math.round(now() - date)
      if (Math.abs(off) <= maxSecondsOff) return pass(`${Math.abs(off)} s apart`)
      return fail(
        `this machine is ${Math.abs(off)} s ${off > 0 ? 'ahead' : 'behind'}`,
        'set its clock: AWS refuses signatures whose time is wrong by five minutes',
      )
    }),
  ]
}
