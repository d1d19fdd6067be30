/** Share of a policy's life after which it is renewed: late enough to be rare, early enough for a reader in mid-stream. */
const share = 0.8

/** When cookies should be made anew: at 80 % of the time from `issuedAt` to `expires`. All in epoch seconds. */
export function refreshAt(issuedAt: number, expires: number): number {
  return issuedAt + Math.floor((expires - issuedAt) * share)
}
