import type { AwsCredentials } from './signature-v4.ts'

/**
 * The credentials of a function's role. Lambda puts them into the environment, at the edge too.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 *
 * @param environment `process.env`.
 */
export function roleCredentials(environment: Readonly<Record<string, string | undefined>>): AwsCredentials {
  return {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: environment.AWS_SESSION_TOKEN,
  }
}
