import { describeAssetStore } from '../../contract/asset-store.suite.ts'
import { sendUpload, startUploadStage, uploadServerKinds } from '../../support/upload-stage.ts'

for (const kind of uploadServerKinds()) {
  describeAssetStore(`files behind ${kind}`, async () => {
    // The suite publishes itself: it looks at what there is before that.
    const stage = await startUploadStage(kind, (hooks) => ({ ...hooks, finished: async () => {} }))
    return {
      store: stage.services.store,
      deliver: async (request, body) => (await sendUpload(stage, request, body)).status,
      stop: stage.stop,
    }
  })
}
