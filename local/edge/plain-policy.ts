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
  // Counted from the end: njs searches a text character by character.
  const second = json.length - tail.length - digits
  const first = second - greaterThan.length - digits
  const expires = json.slice(first, first + digits)
  const notBefore = json.slice(second, second + digits)
  const resource = url.slice(0, first - lessThan.length - head.length)
  const end = Number(expires)
  const start = Number(notBefore)
  return (
    json === `${head}${resource}${lessThan}${expires}${greaterThan}${notBefore}${tail}` &&
    end > now &&
    now > start &&
    // Digits and nothing else, as JSON writes a whole number.
    end % 1 === 0 &&
    start % 1 === 0 &&
    `${end}` === expires &&
    `${start}` === notBefore
  )
}
