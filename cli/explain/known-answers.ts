/** A refusal that CloudFront or S3 makes itself, with its fault and remedy. */
export interface KnownAnswer {
  /** Follows `answered-by-` in the name of the fault. */
  readonly by: string
  readonly detail: string
  readonly remedy: string
}

const known = (by: string, detail: string, remedy: string): KnownAnswer => ({ by, detail, remedy })

/**
 * Texts of CloudFront's own pages, which all begin with "The request could not be satisfied". AWS documents most of them by the
 * symptom, not by the text: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-permission-denied.html
 */
const cloudFrontTexts: readonly (readonly [text: RegExp, answer: KnownAnswer])[] = [
  [
    /block access from your country/i,
    known(
      'geo-restriction',
      "the distribution's geographic restriction, which blocks the viewer's country",
      'Change the restriction, or request from an allowed country. A VPN has the country of its exit.',
    ),
  ],
  [
    /Request blocked\./i,
    known(
      'waf',
      "AWS WAF, with a rule of the distribution's web ACL",
      'Find the rule in the sampled requests of the web ACL, by the request id of the page.',
    ),
  ],
  [
    /not configured to allow the HTTP request method/i,
    known(
      'method',
      'the behaviour, which does not allow the method of the request',
      'Read files with GET and HEAD. Write with /api, which allows POST and DELETE.',
    ),
  ],
  [
    /Lambda function (associated with|.*) .*throttled|LambdaLimitExceeded/i,
    known(
      'lambda-limit',
      'Lambda, because too many executions of a Lambda@Edge function run at once',
      'Raise the quota of concurrent executions in the Region of the edge location.',
    ),
  ],
  [
    /invalid or does(n't| not) have the required permissions/i,
    known(
      'lambda-execution',
      'a Lambda@Edge function that failed, timed out, or may not be invoked',
      "Read the function's log in the Region of the edge location; a role needs edgelambda.amazonaws.com in its trust.",
    ),
  ],
  [
    /Lambda function (result failed validation|returned (an )?(invalid|.*that is read-only))/i,
    known(
      'lambda-validation',
      'CloudFront, which refuses what a Lambda@Edge function returned',
      "The function set a header that it may not set, or a body above 40 KB: see CloudFront's function errors.",
    ),
  ],
  [
    /CloudFront (was(n't| not) able to|could(n't| not)) (connect to the origin|resolve the origin domain name)|attempted to establish a connection with the origin/i,
    known(
      'origin-unreachable',
      'CloudFront, which cannot connect to the origin',
      "Check the origin's name, its certificate and that it answers from the Internet.",
    ),
  ],
  [
    /does(n't| not) match the certificate/i,
    known(
      'misdirected',
      'CloudFront, because the connection was opened for the certificate of another host (421)',
      'Send the Host for which the connection was opened (SNI): look for a proxy or a client that changes one of them, and let the certificate name every alias.',
    ),
  ],
  [
    /Bad request\./i,
    known(
      'bad-request',
      'CloudFront, which has no distribution for this host name, or expects https',
      'Add the host to the aliases of the distribution, with a certificate for it, and let its DNS name point there. Request https://.',
    ),
  ],
]

/** A challenge or a CAPTCHA of WAF, recognised by the header `x-amzn-waf-action`. */
export const wafChallenge = known(
  'waf-challenge',
  'AWS WAF, which asks for a challenge or a CAPTCHA',
  'Only pages can solve one: exclude files and /_edge/session from the rule.',
)

/** A custom error response that replaces the status, recognised by `X-Cache: Error from cloudfront` beside 200. */
export const errorPageWith200 = known(
  'error-page-200',
  'an error page with status 200 in place of the refusal: a custom error response of the distribution',
  'Let the custom error response keep the status, or remove it: it hides every 403 and 404.',
)

/** A 421 without CloudFront's page. */
export const misdirected = cloudFrontTexts.find(([, { by }]) => by === 'misdirected')?.[1]

/** Refusals of API Gateway and of Lambda function URLs, by their only text. */
const gatewayMessages: readonly (readonly [text: RegExp, answer: KnownAnswer])[] = [
  [
    /"Message":\s*"Forbidden/,
    known(
      'function-url',
      'a Lambda function URL, which wants a signature of IAM',
      'Let the distribution sign (origin access control of type lambda) and its policy allow lambda:InvokeFunctionUrl; or set AuthType NONE.',
    ),
  ],
  [
    /"message":\s*"Forbidden"/,
    known(
      'api-gateway-forbidden',
      'API Gateway, which has no API for this host, or a policy, WAF or API key that refuses',
      "Forward no Host of the viewer to the API (AllViewerExceptHostHeader), and check the API's custom domain, its resource policy and its keys.",
    ),
  ],
  [
    /"message":\s*"Missing Authentication Token"/,
    known(
      'api-gateway-no-route',
      'API Gateway, which has no method at this path: the text is not about tokens',
      "Correct path, method and stage of the API: the origin's path must be /<stage> for a REST API.",
    ),
  ],
  [
    /"message":\s*"Not Found"/,
    known(
      'api-gateway-no-route',
      'API Gateway, which has no route for this path',
      'Correct path and method: this project serves /api/*, and the API is asked with that path.',
    ),
  ],
  [
    /"[Mm]essage":\s*"(Unauthorized|User is not authorized to access this resource|The incoming token has expired)/,
    known(
      'api-gateway-authorizer',
      'an authorizer of API Gateway, in front of the API',
      'Remove the authorizer, as the API checks the session itself; or send what the authorizer wants.',
    ),
  ],
  [
    /"message":\s*"(Too Many Requests|Limit Exceeded)"/,
    known('api-gateway-throttled', 'API Gateway, which throttles', 'Retry later, or raise the throttling of the API.'),
  ],
]

/** Returns the cause of a refusal by API Gateway or by a function URL; `undefined` for another text. */
export function gatewayRefusal(body: string): KnownAnswer | undefined {
  // Nothing else is in the object: an app may have a field of this name.
  if (!/^\s*\{\s*"[Mm]essage":\s*(null|"[^"]*")\s*\}\s*$/.test(body)) return undefined
  return gatewayMessages.find(([text]) => text.test(body))?.[1]
}

/** The website endpoint of a bucket, recognised by its HTML. */
export const s3Website = (code: string): KnownAnswer =>
  known(
    's3-website',
    `the website endpoint of a bucket (${code}), which is public and knows no origin access control`,
    'Let the origin be the bucket itself: <bucket>.s3.<region>.amazonaws.com instead of <bucket>.s3-website….',
  )

/** Returns the cause of a page that CloudFront made itself; `undefined` for a page of unknown text. */
export function cloudFrontPage(body: string): KnownAnswer | undefined {
  return cloudFrontTexts.find(([text]) => text.test(body))?.[1]
}

/** Function errors, by the value of `X-Cache`. */
const functionErrors: readonly (readonly [cache: RegExp, answer: KnownAnswer])[] = [
  [
    /^Lambda(LimitExceeded|ThrottledError)/i,
    known(
      'lambda-limit',
      'Lambda, because too many executions run at once',
      'Raise the quota of concurrent executions in the Region of the edge location.',
    ),
  ],
  [
    /^LambdaValidationError/i,
    known(
      'lambda-validation',
      'CloudFront, which refuses what the Lambda@Edge function returned',
      'The function set a header that it may not set, or a body above 40 KB: read its log.',
    ),
  ],
  [
    /^LambdaExecutionError/i,
    known(
      'lambda-execution',
      'a Lambda@Edge function that failed or timed out',
      "Read the function's log, in the Region of the edge location that responded.",
    ),
  ],
  [
    /^Function(ThrottledError|LimitExceeded)/i,
    known(
      'function-throttled',
      'a CloudFront Function that exceeded its compute time',
      'Look at its compute utilization; keep it under 50.',
    ),
  ],
  [
    /^Function(ExecutionError|ValidationError)/i,
    known(
      'function-execution',
      'a CloudFront Function that failed',
      'Read its log in us-east-1; a missing key of its KeyValueStore is the usual cause.',
    ),
  ],
]

/** Returns the cause where a function failed and CloudFront responded instead of it. */
export function functionError(cache: string): KnownAnswer | undefined {
  return functionErrors.find(([value]) => value.test(cache))?.[1]
}

/** Refusals of S3, by its code (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
const s3Codes: Readonly<Record<string, readonly [detail: string, remedy: string]>> = {
  AccessDenied: [
    'S3, which refuses the distribution',
    'Let the bucket policy allow this distribution (SourceArn) s3:GetObject, and s3:ListBucket so that a missing object is a 404. The origin needs an origin access control that signs; for SSE-KMS the key must allow the distribution, too.',
  ],
  AllAccessDisabled: ['S3, which has disabled all access to the bucket', 'Ask AWS Support about the bucket.'],
  InvalidObjectState: [
    'S3, because the object is archived',
    'Restore it from its storage class (aws s3api restore-object), or keep it in one that reads at once.',
  ],
  PermanentRedirect: [
    'S3, because the bucket is in another Region than the origin says',
    'Set bucketRegion to the Region of the bucket.',
  ],
  TemporaryRedirect: [
    'S3, because the bucket is new',
    'Wait an hour, or name the bucket with its Region in the origin.',
  ],
  AuthorizationHeaderMalformed: [
    'S3, because the origin access control signs for another Region',
    'Set bucketRegion to the Region of the bucket.',
  ],
  InvalidArgument: [
    'S3, which refuses the way in which the request is signed',
    'An object with SSE-KMS needs Signature Version 4: replace an origin access identity by an origin access control.',
  ],
  NoSuchBucket: [
    'S3, because the bucket does not exist',
    'Correct the name of the bucket in the origin, or deploy again.',
  ],
  NoSuchKey: ['S3, because there is no object at this key', 'Correct the path; keyPrefix is put before it.'],
  MethodNotAllowed: [
    'S3, because the object is a delete marker or the method is not allowed',
    'Read with GET and HEAD.',
  ],
  SignatureDoesNotMatch: [
    "S3, because the origin's signature is wrong",
    'Forward no header that the origin access control signs, such as Host or Authorization of the viewer.',
  ],
  RequestTimeTooSkewed: ['S3, because a clock is wrong', 'Set the clock of the machine that signs.'],
  SlowDown: ['S3, because of too many requests', 'Retry later; spread keys over prefixes.'],
}

/** KMS refuses with codes of its own, and with AccessDenied and a message about the key. */
export function s3Refusal(code: string, body: string): readonly [detail: string, remedy: string] | undefined {
  if (/^KMS\./.test(code) || (code === 'AccessDenied' && /kms|ciphertext|customer master key/i.test(body))) {
    return [
      'S3, because the KMS key of the object refuses',
      'Let the key policy allow cloudfront.amazonaws.com kms:Decrypt for this distribution, and set bucketKmsKey. The key must be enabled.',
    ]
  }
  return Object.hasOwn(s3Codes, code) ? s3Codes[code] : undefined
}
