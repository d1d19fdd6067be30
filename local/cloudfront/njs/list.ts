/**
 * Loops over lists. Those that njs preloads (`js_preload_object`) have no methods in njs 0.7, only a length and elements, so
 * every list of the configuration is read through these.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `list.includes(value)` */
export function includes<T>(list: readonly T[], value: T): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === value) return true
  return false
}

/** `list.some(holds)` */
export function some<T>(list: readonly T[], holds: (item: T) => boolean): boolean {
  for (let i = 0; i < list.length; i++) if (holds(list[i] as T)) return true
  return false
}

/** `list.join(', ')` */
export function joined(list: readonly string[]): string {
  let text = ''
  for (let i = 0; i < list.length; i++) text += i === 0 ? String(list[i]) : `, ${list[i]}`
  return text
}
