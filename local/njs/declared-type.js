// The content type that a file was uploaded with, where its name does not tell it. Runs in njs, in the tier that stands for S3.
// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import fs from 'fs'

/**
 * Header filter. The types lie in files named by key and by the entity tag that nginx has made of the file: a file that was
 * replaced since has the type of its name.
 */
function setType(r) {
  const etag = r.headersOut.ETag
  if (etag === undefined) return
  try {
    const key = r.variables.uri.slice('/*typed'.length)
    r.headersOut['Content-Type'] = fs.readFileSync(`${r.variables.edge_types}${key}/*${etag.slice(1, -1)}`, 'utf8')
  } catch (_absent) {
    // As nginx says.
  }
}

export default { setType }
