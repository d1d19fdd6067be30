import { ServiceError } from '../../errors.ts'
import type { SecretStore } from '../../keys/key-secret.ts'
import type { AwsConnection } from './aws-send.ts'
import { signedRequest } from './signature-v4.ts'

/** The secret has one home: a function at the edge runs in many Regions and must not ask its own. */
const region = 'us-east-1'
const endpoint = `https://secretsmanager.${region}.amazonaws.com/`
const tries = 3
const tryMs = 1500
const totalMs = 4000
const pauseMs = 100

/** A fault of the answer itself, which a further try would meet again. */
class Refused extends Error {}

/**
 * Secrets Manager's `GetSecretValue` by a signed request: the SDK's client would cost 300 KB and 30 ms at each cold start.
 * 1.5 s for each of at most three tries, 4 s in all; a try is repeated after a network fault, a time-out, 429 and 5xx.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export function createSecretsManager(aws: AwsConnection): SecretStore {
  return {
    async get(secretId) {
      const deadline = aws.nowMs() + totalMs
      let cause: unknown
      for (let tried = 0; tried < tries; tried++) {
        if (tried > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
        const left = deadline - aws.nowMs()
        if (left <= 0) break
        try {
          return await getSecretValue(aws, secretId, Math.min(tryMs, left))
        } catch (error) {
          cause = error
          if (error instanceof Refused) break
        }
      }
      throw new ServiceError('ERR_KEYS_UNAVAILABLE', 'Secrets Manager gave no key document', { cause })
    },
  }
}

/** One try. */
async function getSecretValue(aws: AwsConnection, secretId: string, timeoutMs: number): Promise<string> {
  const request = {
    service: 'secretsmanager',
    region,
    url: endpoint,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
    body: JSON.stringify({ SecretId: secretId }),
  }
  const { status, body } = await aws.send(signedRequest(request, aws), timeoutMs)
  if (status !== 200) throw refusal(status)
  const answer = parseJson(body)
  const text =
    typeof answer === 'object' && answer !== null && 'SecretString' in answer ? answer.SecretString : undefined
  // A body that is not what the API promises may be cut short: worth another try, never worth quoting.
  if (typeof text !== 'string') throw new Error('no SecretString in the answer')
  return text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusal(status: number): Error {
  return status === 429 || status >= 500 ? new Error(`status ${status}`) : new Refused(`status ${status}`)
}
