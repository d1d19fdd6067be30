/**
 * The names that a signature travels under.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-choosing-signed-urls-cookies.html
 *
 * This file also runs as a CloudFront Function: no imports.
 */

/** The parameters that make a URL a signed one. A cookie has the same names with `CloudFront-` before them. */
export const signingParameters = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm'] as const

/** The cookie with the time stamp of a mint, which the guard reads for revocation. */
export const stampCookieName = 'edge-issued'
