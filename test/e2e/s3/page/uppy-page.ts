/** Runs in the browser: real Uppy with nothing but its endpoint set. Bundled by the test. */
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

/** The page's report to the test. */
export interface UploadReport {
  readonly failed: string[]
  readonly location: string | undefined
  readonly key: string | undefined
  readonly parts: number
}

Object.assign(globalThis, { uploadFile })

async function uploadFile(name: string, bytes: number): Promise<UploadReport> {
  const uppy = new Uppy().use(AwsS3, { companionEndpoint: '/api' })
  let parts = 0
  uppy.on('s3-multipart:part-uploaded', () => {
    parts++
  })
  uppy.addFile({ name, type: 'application/x-raw-disk-image', data: pattern(bytes) })
  const result = await uppy.upload()
  const [done] = result?.successful ?? []
  return {
    failed: (result?.failed ?? []).map((file) => String(file.error)),
    location: done?.response?.uploadURL,
    key: (done?.response?.body as { key?: string } | undefined)?.key,
    parts,
  }
}

/** The same bytes as the test makes: each MiB says which one it is. */
function pattern(bytes: number): Blob {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for (let offset = 0; offset < bytes; offset += 1024 ** 2) {
    const words = new Uint32Array(Math.min(1024 ** 2, bytes - offset) / 4)
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(offset + i, 2_654_435_761) >>> 0
    pieces.push(new Uint8Array(words.buffer))
  }
  return new Blob(pieces)
}
