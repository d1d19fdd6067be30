/**
 * CloudFront's own answers to a request that its key group does not let through: status 403, `Content-Type: text/xml`.
 * The texts are those that viewers of CloudFront report; operators search for them.
 * https://repost.aws/knowledge-center/cloudfront-troubleshoot-signed-url-cookies
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports.
 */

/** Why CloudFront refuses: the `Code` of its XML. */
export type CloudFrontErrorCode =
  | 'MissingKey'
  | 'InvalidKey'
  | 'MalformedSignature'
  | 'MalformedPolicy'
  | 'AccessDenied'

/** The `Message` beside each `Code`. `AccessDenied` stands for a wrong signature and for a policy that does not cover. */
export const cloudFrontErrorMessages: Readonly<Record<CloudFrontErrorCode, string>> = {
  MissingKey: 'Missing Key-Pair-Id query parameter or cookie value',
  InvalidKey: 'Unknown Key',
  MalformedSignature: 'Could not unencode Signature',
  MalformedPolicy: 'Malformed Policy',
  AccessDenied: 'Access denied',
}

/** The content type of these bodies. */
export const cloudFrontErrorType = 'text/xml'

/** The body for a code, byte for byte. */
export function cloudFrontErrorBody(code: CloudFrontErrorCode): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${cloudFrontErrorMessages[code]}</Message></Error>`
}
