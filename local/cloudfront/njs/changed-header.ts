/**
 * Name of the nginx variable that holds a request header after a function's change. This file runs in njs: no classes, spread,
 * destructuring, default parameters.
 */
export function changedHeaderVariable(name: string): string {
  return `edge_changed_${name.replace(/-/g, '_')}`
}
