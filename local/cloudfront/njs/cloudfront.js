// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import crypto from 'crypto'
// biome-ignore lint/style/useNodejsImportProtocol: as above.
import fs from 'fs'

/**
 * The `cloudfront` module of CloudFront Functions for njs 0.7.9 and newer, in the njs command and in nginx. Copied to a
 * folder of `js_path` under the name `cloudfront`, without an extension.
 *
 * The KeyValueStore is a directory: one file for each key, named by the SHA-256 of the key in hex, with the value in it. The
 * global `keyValueStore`, `{"directory": "/absolute/path"}`, says where it is (in nginx: `js_preload_object`). Files are read
 * anew each time, so a change shows with the next request. Where the global is not set every look-up fails, as it does at
 * CloudFront without an association.
 */
function fileOf(key) {
  return `${directory()}/${crypto.createHash('sha256').update(key).digest('hex')}`
}

function directory() {
  if (globalThis.keyValueStore === undefined) throw new Error('KeyValueStore is not associated')
  return globalThis.keyValueStore.directory
}

/** A file that is not there is an ordinary answer; an exception for it would cost more than the whole function. */
function isThere(path) {
  return fs.statSync(path, { throwIfNoEntry: false }) !== undefined
}

const store = {
  get: async (key, options) => {
    const path = fileOf(key)
    if (!isThere(path)) throw new Error('KeyNotFound')
    const format = options === undefined || options.format === undefined ? 'string' : options.format
    const value = fs.readFileSync(path)
    if (format === 'bytes') return value
    const text = value.toString('utf8')
    return format === 'json' ? JSON.parse(text) : text
  },

  exists: async (key) => isThere(fileOf(key)),

  meta: async () => {
    const root = directory()
    const names = fs.readdirSync(root)
    let newest = fs.statSync(root).mtimeMs
    names.forEach((name) => {
      newest = Math.max(newest, fs.statSync(`${root}/${name}`).mtimeMs)
    })
    return {
      creationDateTime: new Date(fs.statSync(root).ctimeMs).toISOString(),
      lastUpdatedDateTime: new Date(newest).toISOString(),
      keyCount: names.length,
    }
  },
}

export default {
  kvs: () => store,
}
