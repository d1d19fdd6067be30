import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from '../local-error.ts'
import { findProgram, runCommand } from './command.ts'

/** A certificate of our own making for this machine's names, and `*.example.test`; made once, kept in the state directory. */
export async function prepareCertificate(directory: string): Promise<{ certificate: string; key: string }> {
  const certificate = join(directory, 'tls.crt')
  const key = join(directory, 'tls.key')
  if (existsSync(certificate) && existsSync(key)) return { certificate, key }
  if (findProgram('openssl') === undefined)
    throw new LocalError('--tls needs the openssl command to make a certificate.')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const names = ['localhost', '*.localhost', 'example.test', '*.example.test'].map((name) => `DNS:${name}`)
  await runCommand('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '365'],
    ...['-subj', '/CN=Edge Signer local', '-addext', `subjectAltName=${names.join(',')},IP:127.0.0.1,IP:::1`],
    ...['-keyout', key, '-out', certificate],
  ])
  return { certificate, key }
}
