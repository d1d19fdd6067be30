import type { Command } from 'commander'

/** Adds the options that say which key signs, and when and from where the signature holds. */
export function addSigningOptions(command: Command): Command {
  return command
    .option('--keys <file>', 'a key document (- is standard input), or <key pair id>=<PEM file of the private key>')
    .option('--local', 'the keys of the local stage')
    .option('--state <dir>', 'its state directory, where it is another than .local/state')
    .option('--sha1', 'sign with SHA-1 (a single RSA key only)')
    .option('--expires-in <time>', 'how long it holds: 90s, 15m, 1h, 7d (default: 1h)')
    .option('--expires <time>', 'when it ends: epoch seconds or 2030-01-31T12:00:00Z')
    .option('--not-before <time>', 'when it starts (default: at once; a minute ago for prefixes)')
    .option('--ip <address>', 'the one IPv4 address that may use it')
}
