import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetPublicKeyCommand, ListKeyGroupsCommand } from '@aws-sdk/client-cloudfront'
import type { AwsEmulator } from './aws-emulator.ts'
import type { CookieLine } from './set-cookie.ts'

/** The verdict of an edge location. */
export type Verdict = 'accepted' | 'unknown key' | 'wrong signature' | 'expired'

/**
 * Judges cookies as CloudFront would, with nothing of this project: key group and public key come from the control plane's API,
 * the signature is verified by the `openssl` command, the policy is read as plain JSON.
 */
export async function judgeCookies(
  aws: AwsEmulator,
  groupName: string,
  cookies: readonly CookieLine[],
  now: number,
): Promise<Verdict> {
  const cookie = (name: string) => cookies.find((line) => line.name === name && line.value !== '')?.value
  const keyPairId = cookie('CloudFront-Key-Pair-Id') ?? ''
  const { KeyGroupList } = await aws.cloudFront.send(new ListKeyGroupsCommand({}))
  const group = KeyGroupList?.Items?.find(({ KeyGroup }) => KeyGroup?.KeyGroupConfig?.Name === groupName)
  if (!group?.KeyGroup?.KeyGroupConfig?.Items?.includes(keyPairId)) return 'unknown key'
  const { PublicKey } = await aws.cloudFront.send(new GetPublicKeyCommand({ Id: keyPairId }))
  const policy = decode(cookie('CloudFront-Policy'))
  const hash = cookie('CloudFront-Hash-Algorithm') === 'SHA256' ? '-sha256' : '-sha1'
  const pem = PublicKey?.PublicKeyConfig?.EncodedKey ?? ''
  if (!opensslVerifies(hash, pem, decode(cookie('CloudFront-Signature')), policy)) return 'wrong signature'
  const [statement] = JSON.parse(policy.toString()).Statement
  return statement.Condition.DateLessThan['AWS:EpochTime'] > now ? 'accepted' : 'expired'
}

/** CloudFront's base64: `-`, `_` and `~` for `+`, `=` and `/`. */
function decode(value = ''): Buffer {
  return Buffer.from(value.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64')
}

function opensslVerifies(hash: string, pem: string, signature: Buffer, signed: Buffer): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-verdict-'))
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }
  try {
    const args = [
      'dgst',
      hash,
      '-verify',
      file('key.pem', `${pem.trim()}\n`),
      '-signature',
      file('signature', signature),
    ]
    return execFileSync('openssl', [...args, file('policy', signed)], { stdio: 'pipe' }).includes('Verified OK')
  } catch {
    return false
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
