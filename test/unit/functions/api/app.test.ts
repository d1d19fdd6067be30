import { describe, expect, it } from 'vitest'
import { createApp } from '../../../../functions/api/app.ts'

describe('GET /api/health', () => {
  it('answers ok, and no cache keeps it', async () => {
    const response = await createApp().request('/api/health')
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toEqual({ status: 'ok' })
  })

  it('is under /api alone', async () => {
    expect((await createApp().request('/health')).status).toBe(404)
  })
})
