import { expect, test } from 'vitest'
import { contentTypes, typeOfName } from '../../../../local/s3/type-of-name.ts'

test.each([
  ['index.m3u8', 'application/vnd.apple.mpegurl'],
  ['manifest.mpd', 'application/dash+xml'],
  ['segment-1.ts', 'video/mp2t'],
  ['captions.vtt', 'text/vtt'],
  ['users/alice/FILM.MP4', 'video/mp4'],
  ['a.b.html', 'text/html'],
  ['.svg', 'image/svg+xml'],
])('%s is %s', (name, type) => expect(typeOfName(name)).toBe(type))

test.each(['disk.raw.unknown', 'html', 'folder.html/file', 'x.constructor', 'x.__proto__', 'x.', ''])(
  '%j is a stream of bytes',
  (name) => expect(typeOfName(name)).toBe('application/octet-stream'),
)

test('every extension and type is one word of an nginx `types` block', () => {
  for (const [extension, type] of contentTypes) expect(`${type} ${extension}`).toMatch(/^[\w.+/-]+ [\w.+-]+$/)
})
