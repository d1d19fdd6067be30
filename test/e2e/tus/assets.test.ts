import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keysFromDocument, openAssets } from '../../../package/server.ts'
import { describeAssetStore } from '../../contract/asset-store.suite.ts'
import { describeAssets } from '../../contract/assets.suite.ts'
import { sendUpload, startUploadStage, uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget } from './upload-target.ts'

/** A backend's own library beside a running single server: the same folders, the same secrets, another process. */
for (const kind of uploadServerKinds()) {
  describeAssets(`files behind nginx and ${kind}`, async () => {
    const { emulation, url, content, area, stop } = await startUploadTarget(kind)
    const document = readFileSync(emulation.state.secret, 'utf8')
    const assets = await openAssets({
      backend: 'files',
      storagePath: content,
      uploadsPath: area,
      baseUrl: url,
      linkSecret: readFileSync(join(emulation.state.directory, 'link-secret'), 'utf8'),
      uploadSecret: JSON.parse(document).stampKey,
      keys: keysFromDocument(document),
    })
    return {
      assets,
      hasCdn: true,
      leftovers: async () => readdirSync(join(area, 'drafts')),
      stop,
      async deliver(upload, body) {
        const created = await fetch(upload.url, {
          method: upload.method,
          headers: { ...upload.headers, 'Upload-Length': String(body.length) },
        })
        if (created.status !== 201) return created.status
        const sent = await fetch(new URL(created.headers.get('location') ?? '', url), {
          method: 'PATCH',
          headers: {
            'Tus-Resumable': '1.0.0',
            'Upload-Offset': '0',
            'Content-Type': 'application/offset+octet-stream',
          },
          body: new Uint8Array(body),
        })
        return sent.status
      },
    }
  })

  describeAssetStore(`files behind ${kind}, through the library`, async () => {
    const stage = await startUploadStage(kind, (hooks) => ({ ...hooks, finished: async () => {} }))
    const assets = await openAssets({
      backend: 'files',
      storagePath: stage.location.content,
      uploadsPath: stage.location.area.root,
      baseUrl: 'http://localhost:8080',
      linkSecret: 'a secret of download links',
      uploadSecret: stage.stampKey,
    })
    return {
      store: assets.store,
      deliver: async (request, body) => (await sendUpload(stage, request, body)).status,
      stop: stage.stop,
    }
  })
}
