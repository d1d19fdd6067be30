const daySeconds = 86_400

/** The date of the day written last: all answers of a day share it, and a `Date` costs twenty times the rest. */
let lastDay = Number.NaN
let lastDate = ''

/** A time in RFC 3339: whole seconds, UTC. `epoch` in seconds. */
export function rfc3339(epoch: number): string {
  const day = Math.floor(epoch / daySeconds)
  if (day !== lastDay) {
    lastDate = new Date(day * daySeconds * 1000).toISOString().slice(0, 10)
    lastDay = day
  }
  const second = epoch - day * daySeconds
  return `${lastDate}T${two(second / 3600)}:${two((second / 60) % 60)}:${two(second % 60)}Z`
}

function two(number: number): string {
  return String(Math.floor(number)).padStart(2, '0')
}
