import type { Setting } from './modes.ts'
import type { Target, User } from './target.ts'

/**
 * A deployed stage, named by the environment:
 *
 * - `EDGE_SIGNER_URL` its address, e.g. `https://d111111abcdef8.cloudfront.net`
 * - `EDGE_SIGNER_SESSION_ALICE`, `EDGE_SIGNER_SESSION_BOB` app sessions whose `sub` is `alice` and `bob`
 * - `EDGE_SIGNER_SESSION_COOKIE` the name of the session cookie (default `__Host-session`)
 * - `EDGE_SIGNER_ENFORCEMENT`, `EDGE_SIGNER_BOOTSTRAP` what the stage was deployed with
 * - `EDGE_SIGNER_BIG_IMAGE=1` where the image beyond 4 GiB was uploaded too
 *
 * The bucket holds the tree of `content.ts`. Private keys stay where they are: cases that need one are skipped, by name.
 */
export function startDeployedTarget(url: string, setting: Setting, environment: NodeJS.ProcessEnv): Target {
  const base = new URL(url)
  return {
    kind: 'deployed',
    setting,
    baseUrl: base.origin,
    host: base.host,
    sessionCookie: environment.EDGE_SIGNER_SESSION_COOKIE ?? '__Host-session',
    login: async (sub: User) => {
      const name = `EDGE_SIGNER_SESSION_${sub.toUpperCase()}`
      const token = environment[name]
      if (token === undefined || token === '') throw new Error(`${name} must hold an app session of ${sub}`)
      return token
    },
    stop: async () => {},
  }
}
