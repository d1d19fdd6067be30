/**
 * The policies that this project signs, read without a JSON parser: they are byte-stable, so that their parts are found at
 * fixed places. This only ever says yes to what the strict reader (`signature.ts`) says yes to; on anything else that one
 * decides, and says what is wrong.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

const head = '{"Statement":[{"Resource":"'
const lessThan = '*","Condition":{"DateLessThan":{"AWS:EpochTime":'
const greaterThan = '},"DateGreaterThan":{"AWS:EpochTime":'
const tail = '}}}]}'
/** Epoch seconds have ten digits from 2001 to 2286. */
const digits = 10

/**
 * Whether `json` is such a policy and covers `url` at `now`. `url` has nothing but unreserved characters, `/` and `:`, so a
 * resource that it starts with has no wildcard and no escape in it.
 */
export function coversPlainly(json: string, url: string, now: number): boolean {
  const end = json.indexOf(lessThan)
  const expires = end + lessThan.length
  const middle = expires + digits
  const notBefore = middle + greaterThan.length
  return (
    end > 0 &&
    json.slice(0, end) === head + url.slice(0, end - head.length) &&
    json.slice(middle, notBefore) === greaterThan &&
    json.slice(notBefore + digits) === tail &&
    readSecond(json.slice(expires, middle)) > now &&
    now > readSecond(json.slice(notBefore, notBefore + digits))
  )
}

/** A whole number as JSON writes it; `NaN`, which no comparison holds for, where `text` is anything else. */
function readSecond(text: string): number {
  const second = Number(text)
  return Math.floor(second) === second && String(second) === text ? second : Number.NaN
}
