import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { notFoundFunctionConfig } from '../../../../functions/not-found/config.ts'
import { buildCloudFrontFunction } from '../../../../infra/build/cloudfront-function.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import { problemResponse } from '../../../../shared/read/problem-response.ts'
import { valuesOf, viewerRequestEvent } from '../../../support/function-events.ts'
import { describeWithNjs, runFunction } from '../../../support/njs.ts'
import config from '../../fixtures/edge-signer.config.ts'

describeWithNjs('the not-found function', () => {
  it('answers every request with the 404 of the table', async () => {
    const code = await buildCloudFrontFunction({
      entry: fileURLToPath(new URL('../../../../functions/not-found/handler.ts', import.meta.url)),
      config: notFoundFunctionConfig(parseDeployment(config, 'dev')),
    })
    const events = [{ uri: '/' }, { uri: '//%zz' }, { method: 'POST' }, { headers: { origin: 'https://evil.test' } }]
    const results = await runFunction(code, events.map(viewerRequestEvent))
    const expected = problemResponse('ERR_NOT_FOUND')
    for (const result of results) {
      expect(result).toEqual({
        statusCode: 404,
        headers: valuesOf({
          ...Object.fromEntries(expected.headers),
          'cross-origin-resource-policy': 'same-site',
          vary: 'Origin',
        }),
        body: { encoding: 'text', data: expected.body },
      })
    }
    const [allowed] = await runFunction(code, [viewerRequestEvent({ headers: { origin: 'http://localhost:1' } })])
    expect(allowed?.headers['access-control-allow-origin']).toEqual({ value: 'http://localhost:1' })
  })
})
