import { changeableHeaders } from '../edge/build.ts'
import type { Behaviour } from '../template/model.ts'

/** Ranges and conditions reach an origin whatever the policies say: without a cache they cannot be answered before it. */
export function headerNames({ forward }: Behaviour): string[] {
  const named = forward.headers === 'all' ? [] : forward.headers.filter((name) => name !== 'host')
  const cookies = forward.cookies === 'all' ? ['cookie'] : []
  return [...new Set([...changeableHeaders, ...named, ...cookies])]
}

/** Request headers that a function's change reaches the origin with. */
export function changeableHeadersOf(behaviour: Behaviour): string[] {
  return behaviour.forward.headers === 'all' ? [] : headerNames(behaviour)
}
