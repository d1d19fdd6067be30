import { expect, test } from 'vitest'
import { cloudFrontErrorBody } from '../../../../shared/cloudfront/errors.ts'

test.each([
  ['MissingKey', 'Missing Key-Pair-Id query parameter or cookie value'],
  ['InvalidKey', 'Unknown Key'],
  ['MalformedSignature', 'Could not unencode Signature'],
  ['MalformedPolicy', 'Malformed Policy'],
  ['AccessDenied', 'Access denied'],
] as const)('%s', (code, message) =>
  expect(cloudFrontErrorBody(code)).toBe(
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  ),
)
