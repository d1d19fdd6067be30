import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDeployedRevocations } from '../../../cli/revoke/local-revocations.ts'
import { readStack } from '../../../cli/stage/deployed-stage.ts'
import { deploymentOf } from '../../../infra/load-deployment.ts'

/** Response of CloudFormation with one stack. */
const stack = `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>
  <member><StackName>edge-signer-dev</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>${[
    ['KeyValueStoreArn', 'arn:aws:cloudfront::000000000000:key-value-store/x'],
    ['BucketName', 'files'],
    ['BucketRegion', 'us-east-1'],
    ['Enforcement', 'gate'],
  ]
    .map(([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`)
    .join('')}</Outputs></member>
</Stacks></DescribeStacksResult></DescribeStacksResponse>`
let setDate: (response: ServerResponse) => void
const server = createServer((_request, response) => {
  response.sendDate = false
  setDate(response)
  response.setHeader('content-type', 'text/xml').end(stack)
})
const settings = () => ({
  region: 'us-east-1',
  endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
})

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => server.close())

it('uses the time of the response of AWS, and the mode of the stack', async () => {
  setDate = (response) => response.setHeader('date', 'Tue, 01 Jan 2030 00:00:00 GMT')
  expect(await readStack(deploymentOf('dev'), settings())).toMatchObject({ answeredAt: 1_893_456_000 })
  const revocations = await openDeployedRevocations(deploymentOf('dev'), settings())
  expect(await revocations.enforcement()).toBe('gate')
})

it.each([undefined, 'soon'])('revokes nothing if the response of AWS has no valid Date: %s', async (date) => {
  setDate = (response) => {
    if (date !== undefined) response.setHeader('date', date)
  }
  await expect(openDeployedRevocations(deploymentOf('dev'), settings())).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
  })
})
