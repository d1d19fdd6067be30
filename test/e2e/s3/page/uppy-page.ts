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

/** Uploads what was picked in the page's field. */
async function uploadFile(): Promise<UploadReport> {
  const picked = document.querySelector('input')?.files?.[0]
  if (picked === undefined) throw new Error('no file was picked')
  const uppy = new Uppy().use(AwsS3, { companionEndpoint: '/api' })
  let parts = 0
  uppy.on('s3-multipart:part-uploaded', () => {
    parts++
  })
  uppy.addFile({ name: picked.name, type: 'application/x-raw-disk-image', data: picked })
  const result = await uppy.upload()
  const [done] = result?.successful ?? []
  return {
    failed: (result?.failed ?? []).map((file) => String(file.error)),
    location: done?.response?.uploadURL,
    key: (done?.response?.body as { key?: string } | undefined)?.key,
    parts,
  }
}
