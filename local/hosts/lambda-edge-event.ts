import type { CloudFrontHeaders, CloudFrontRequestEvent } from 'aws-lambda'

/** What the host knows of a viewer's request before the function runs. */
export interface ViewerRequest {
  readonly method: string
  /** As sent: raw path and query string. */
  readonly target: string
  /** Name and value in turn, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[]
  readonly clientIp: string
  readonly requestId: string
  readonly distributionId: string
  /** Only where the association includes it. */
  readonly body: Buffer | undefined
}

/** Viewer-request bodies are cut there (Developer Guide, "Quotas on Lambda@Edge"). */
const bodyLimit = 40 * 1024

/** Fields that nginx adds or changes on the way from the edge to the host; the viewer sent none of them in this form. */
const internal = /^(connection|x-edge-behaviour|x-edge-viewer-address|x-edge-request-id)$/

/**
 * The event of a viewer-request function.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
 *
 * The distribution's domain name is the name that the viewer asked for: the emulation has no other.
 */
export function viewerRequestEvent(viewer: ViewerRequest): CloudFrontRequestEvent {
  const headers = eventHeaders(viewer.rawHeaders)
  const mark = viewer.target.indexOf('?')
  return {
    Records: [
      {
        cf: {
          config: {
            distributionDomainName: (headers.host?.[0]?.value ?? '').toLowerCase(),
            distributionId: viewer.distributionId,
            eventType: 'viewer-request',
            requestId: viewer.requestId,
          },
          request: {
            clientIp: viewer.clientIp,
            headers,
            method: viewer.method,
            querystring: mark < 0 ? '' : viewer.target.slice(mark + 1),
            uri: mark < 0 ? viewer.target : viewer.target.slice(0, mark),
            ...(viewer.body === undefined ? {} : { body: eventBody(viewer.body) }),
          },
        },
      },
    ],
  }
}

function eventHeaders(rawHeaders: readonly string[]): CloudFrontHeaders {
  const headers: CloudFrontHeaders = {}
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const key = rawHeaders[i] ?? ''
    const name = key.toLowerCase()
    if (internal.test(name)) continue
    const line = { key, value: rawHeaders[i + 1] ?? '' }
    const lines = headers[name]
    if (lines === undefined) headers[name] = [line]
    else lines.push(line)
  }
  return headers
}

function eventBody(body: Buffer): NonNullable<CloudFrontRequestEvent['Records'][0]['cf']['request']['body']> {
  return {
    action: 'read-only',
    data: body.subarray(0, bodyLimit).toString('base64'),
    encoding: 'base64',
    inputTruncated: body.length > bodyLimit,
  }
}
