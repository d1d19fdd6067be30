// Content types that differ from those of the file names. Runs in njs, in the server that emulates S3.
// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import fs from 'fs'

/**
 * Header filter. The types are in files named by key and entity tag, so a file that was replaced gets the type of its name.
 */
function setType(r) {
  const etag = r.headersOut.ETag
  if (etag === undefined) return
  try {
    const key = r.variables.uri.slice('/*typed'.length)
    r.headersOut['Content-Type'] = fs.readFileSync(`${r.variables.edge_types}${key}/*${etag.slice(1, -1)}`, 'utf8')
  } catch (_absent) {
    // No other type was declared.
  }
}

export default { setType }
