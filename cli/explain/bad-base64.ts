/** What is wrong with a value that is not CloudFront's base64. */
export interface BadBase64 {
  readonly fault: string
  /** Continues a sentence that begins with the value's name. */
  readonly detail: string
  readonly remedy: string
}

/** Tells the usual mistakes apart: each of them has another cause. The value itself is not repeated. */
export function describeBadBase64(value: string): BadBase64 {
  const bad = (fault: string, detail: string, remedy: string): BadBase64 => ({ fault, detail, remedy })
  if (value === '') return bad('empty', 'is empty', 'Send the whole signature.')
  if (/%[0-9A-Fa-f]{2}/.test(value)) {
    return bad(
      'percent-encoded',
      'is percent-encoded',
      "Send it as it is: CloudFront's base64 needs no escaping, and a cookie is not decoded. In a URL it was escaped twice.",
    )
  }
  if (/^"[^"]*"$/.test(value)) return bad('quoted', 'stands in quotes', 'Set the cookie without quotes.')
  if (/[+/=]/.test(value) || / /.test(value)) {
    return bad(
      'plain-base64',
      "is plain base64 (it holds + / = or a space), not CloudFront's",
      'Replace + by -, = by _ and / by ~ after encoding. A space was a + before a form decoder read it.',
    )
  }
  if (/^[A-Za-z0-9_-]+$/.test(value) && /_(?!_?$)/.test(value)) {
    return bad(
      'base64url',
      "is base64url, not CloudFront's base64",
      'Encode as plain base64, then replace + by -, = by _ and / by ~: there the underscore is the padding.',
    )
  }
  if (!/^[A-Za-z0-9~_-]+$/.test(value)) {
    return bad(
      'not-base64',
      'holds characters that no base64 has',
      "Send CloudFront's base64, made of A-Z a-z 0-9 - _ ~ only.",
    )
  }
  if (value.length % 4 !== 0) {
    return bad(
      'truncated',
      `has ${value.length} characters, which is no multiple of 4: its end is cut off or its padding is missing`,
      'Keep the padding (_ in place of =), and look for a limit that cuts long cookies or URLs.',
    )
  }
  return bad('not-base64', 'is not base64 as an encoder writes it', "Encode the bytes again, in CloudFront's base64.")
}
