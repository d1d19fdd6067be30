/**
 * Uploads that nobody has checked yet, and the revocation state: behind no behaviour, and refused if one is added.
 * This file also runs as a CloudFront Function: no imports.
 */
export const reservedPath = /^\/_(incoming|state)(\/|$)/
