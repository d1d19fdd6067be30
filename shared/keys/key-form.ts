/** A form of a key that is no PEM text of the wanted kind. */
interface KeyForm {
  readonly form: RegExp
  /** Continues a sentence that begins with the key's name; holds nothing of the key. */
  readonly what: string
}

/** Forms of a private or a public key that Node or CloudFront cannot use, the clearest sign first. */
const forms: readonly KeyForm[] = [
  {
    form: /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: *4,ENCRYPTED/,
    what: 'is encrypted: openssl pkey -in <file> -out <PEM file>',
  },
  {
    form: /-----BEGIN OPENSSH PRIVATE KEY-----/,
    what: "is in OpenSSH's form: ssh-keygen -p -m PKCS8 -f <copy of the file>",
  },
  {
    form: /^\s*(?:ssh-rsa|ecdsa-sha2-\S+|ssh-ed25519) /,
    what: "is a public key in OpenSSH's form: ssh-keygen -e -m PKCS8 -f <file>",
  },
  {
    form: /-----BEGIN [^-]+-----\s*\\+[nr]/,
    what: 'has \\n written out where a PEM text has line ends: printf "%b" "$(cat <file>)"',
  },
  {
    form: /^\s*-----BEGIN [^-]+-----[\w+/= \t]+-----END [^-]+-----\s*$/,
    what: 'is on one line: a PEM text has a line end after BEGIN, before END, and every 64 characters',
  },
  {
    form: /-----BEGIN (?:TRUSTED )?CERTIFICATE-----/,
    what: 'is a certificate, which holds a public key only',
  },
  {
    form: /^\s*\{/,
    what: 'is JSON: a key document, a JWK or a service account; a PEM text is needed',
  },
  {
    form: /^0[\x80-\uffff]/,
    what: 'is binary (DER): openssl pkey -inform DER -in <file> -out <PEM file>',
  },
  {
    form: /^\s*MI[\w+/=\s]{60,}$/,
    what: 'is base64 without its lines BEGIN and END: it is not a PEM text',
  },
]

/**
 * Says what a text is that cannot be read as a key in PEM, to continue a sentence that begins with the name of a file or a field.
 *
 * @param wanted label of the PEM text.
 */
export function describeKeyForm(text: string, wanted: 'PRIVATE KEY' | 'PUBLIC KEY'): string {
  const found = forms.find(({ form }) => form.test(text))
  if (found !== undefined) return found.what
  const label = /-----BEGIN (?:[A-Z0-9]+ )*(P[A-Z]+ KEY)-----/.exec(text)?.[1]
  if (label === undefined) return `must be a PEM ${wanted.toLowerCase()}`
  if (label === wanted) return `is damaged: its PEM text cannot be read as a ${wanted.toLowerCase()}`
  return `is a ${label.toLowerCase()}: give the ${wanted.toLowerCase()}`
}
