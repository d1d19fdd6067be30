import { printErrorLine, printStatus } from '../print.ts'
import type { Terminal } from '../terminal.ts'

/** Receives what long work has done. */
export interface Progress {
  /** Starts a phase of so many bytes. */
  begin(phase: string, totalBytes: number): void
  add(bytes: number): void
  /** Removes the bar. */
  end(): void
}

/** Time between two looks of the bar, in milliseconds. */
const redrawMs = 100
/** The rate is that of the last so many milliseconds. */
const windowMs = 5000

/**
 * Creates a progress bar on a terminal. Output that is no terminal, such as a log, gets a line for each tenth instead.
 *
 * @param nowMs milliseconds of a clock that never goes back.
 */
export function createProgress(terminal: Terminal, nowMs: () => number): Progress {
  let [phase, total, done, drawnAt, tenths] = ['', 0, 0, 0, 0]
  let marks: { readonly at: number; readonly done: number }[] = []
  const line = () => {
    const now = nowMs()
    marks.push({ at: now, done })
    while (marks.length > 2 && (marks[0]?.at ?? now) < now - windowMs) marks.shift()
    const first = marks[0] ?? { at: now, done }
    const rate = now > first.at ? ((done - first.done) * 1000) / (now - first.at) : 0
    return progressLine(phase, done, total, rate)
  }
  return {
    begin(name, totalBytes) {
      ;[phase, total, done, drawnAt, tenths] = [name, totalBytes, 0, Number.NEGATIVE_INFINITY, 0]
      marks = [{ at: nowMs(), done: 0 }]
    },
    add(bytes) {
      done += bytes
      if (terminal.status === undefined) {
        const reached = total === 0 ? 10 : Math.floor((done * 10) / total)
        if (reached === tenths) return
        tenths = reached
        printErrorLine(terminal, line())
      } else if (nowMs() - drawnAt >= redrawMs) {
        drawnAt = nowMs()
        printStatus(terminal, line())
      }
    },
    end: () => printStatus(terminal, ''),
  }
}

/** Progress that nobody sees. */
export const noProgress: Progress = { begin: () => {}, add: () => {}, end: () => {} }

const barWidth = 24

/** Formats one look of the bar. `rate` is in bytes per second. */
export function progressLine(phase: string, done: number, total: number, rate: number): string {
  const share = total === 0 ? 1 : done / total
  const filled = Math.floor(share * barWidth)
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`
  const percent = `${Math.floor(share * 100)}%`.padStart(4)
  const left = rate > 0 && done < total ? `  ${showClock((total - done) / rate)} left` : ''
  return `${phase.padEnd(9)} ${bar} ${percent}  ${showBytes(done)} of ${showBytes(total)}  ${showBytes(rate)}/s${left}`
}

/** Formats bytes with three digits: `4.19 MB`. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let [value, unit] = [bytes, 0]
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`
}

function showClock(seconds: number): string {
  const whole = Math.ceil(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}
