import { request } from 'undici'
import type { UploadRequest } from '../../shared/assets/asset-store.ts'

/** Sends bytes as an upload request says, with nothing added; the status of the answer. */
export async function deliverRequest(upload: UploadRequest, body: Uint8Array): Promise<number> {
  return (await deliver(upload, body)).status
}

/** The same, with the answer's body, which names the reason of a refusal. */
export async function deliver(upload: UploadRequest, body: Uint8Array): Promise<{ status: number; text: string }> {
  if (upload.fields !== undefined) {
    const form = new FormData()
    for (const [name, value] of Object.entries(upload.fields)) form.append(name, value)
    form.append('file', new Blob([new Uint8Array(body)]))
    const answer = await fetch(upload.url, { method: 'POST', body: form })
    return { status: answer.status, text: await answer.text() }
  }
  const answer = await request(upload.url, { method: upload.method, headers: upload.headers, body })
  return { status: answer.statusCode, text: await answer.body.text() }
}
