import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDeployedDesk } from '../../../cli/revoke/deployed-desk.ts'
import { deploymentOf } from '../../../cli/stage/deployment.ts'
import { readStack } from '../../../cli/stage/stack.ts'

/** A CloudFormation that has one stack, and says what time it is, or does not. */
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
let tellTime: (response: ServerResponse) => void
const server = createServer((_request, response) => {
  response.sendDate = false
  tellTime(response)
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

it('takes the time from the answer of AWS, and the mode from the stack', async () => {
  tellTime = (response) => response.setHeader('date', 'Tue, 01 Jan 2030 00:00:00 GMT')
  expect(await readStack(deploymentOf('dev'), settings())).toMatchObject({ answeredAt: 1_893_456_000 })
  const desk = await openDeployedDesk(deploymentOf('dev'), settings())
  expect(await desk.enforcement()).toBe('gate')
})

it.each([undefined, 'soon'])('revokes nothing where AWS does not say what time it is: %s', async (date) => {
  tellTime = (response) => {
    if (date !== undefined) response.setHeader('date', date)
  }
  await expect(openDeployedDesk(deploymentOf('dev'), settings())).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
  })
})
