/**
 * A WebM video with an index (Matroska, RFC 9559): one VP8 key frame for each second. Each second is padded, so that a player
 * that seeks has to ask for another part of the file instead of finding it in what it has read ahead.
 */
export interface WebmOptions {
  readonly width: number
  readonly height: number
  /** One lossy WebP image without alpha for each second; it holds the very key frame that VP8 video is made of. */
  readonly frames: readonly Buffer[]
  readonly bytesPerSecond: number
}

/** Makes the file. */
export function makeWebm({ width, height, frames, bytesPerSecond }: WebmOptions): Buffer {
  const header = element(
    '1a45dfa3',
    element('4286', uint(1)),
    element('42f7', uint(1)),
    element('42f2', uint(4)),
    element('42f3', uint(8)),
    element('4282', Buffer.from('webm')),
    element('4287', uint(4)),
    element('4285', uint(2)),
  )
  const info = element(
    '1549a966',
    // Times below are milliseconds.
    element('2ad7b1', uint(1_000_000)),
    element('4489', float(frames.length * 1000)),
    element('4d80', Buffer.from('test')),
    element('5741', Buffer.from('test')),
  )
  const track = element(
    'ae',
    element('d7', uint(1)),
    element('73c5', uint(1)),
    element('83', uint(1)),
    element('86', Buffer.from('V_VP8')),
    element('e0', element('b0', uint(width)), element('ba', uint(height))),
  )
  const tracks = element('1654ae6b', track)
  const clusters = frames.map((frame, second) =>
    element(
      '1f43b675',
      element('e7', uint(second * 1000)),
      // Track 1, time 0 within the cluster, key frame.
      element('a3', Buffer.from([0x81, 0, 0, 0x80]), keyFrameOf(frame)),
      element('ec', Buffer.alloc(bytesPerSecond)),
    ),
  )
  // Sizes and positions have 8 bytes each, so the index is as long with the real positions as without.
  const indexLength = cues(clusters.map(() => 0)).length
  let position = info.length + tracks.length + indexLength
  const positions = clusters.map((cluster) => {
    position += cluster.length
    return position - cluster.length
  })
  return Buffer.concat([header, element('18538067', info, tracks, cues(positions), ...clusters)])
}

function cues(positions: readonly number[]): Buffer {
  return element(
    '1c53bb6b',
    ...positions.map((position, second) =>
      element(
        'bb',
        element('b3', uint(second * 1000)),
        element('b7', element('f7', uint(1)), element('f1', uint(position))),
      ),
    ),
  )
}

function element(id: string, ...content: readonly Buffer[]): Buffer {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(content.reduce((sum, part) => sum + part.length, 0)))
  // The marker of an 8-byte size (RFC 8794 section 4).
  size[0] = 1
  return Buffer.concat([Buffer.from(id, 'hex'), size, ...content])
}

function uint(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}

/** The `VP8 ` chunk of a WebP file (RFC 9649 section 2.5). */
function keyFrameOf(webp: Buffer): Buffer {
  for (let at = 12; at + 8 <= webp.length; ) {
    const length = webp.readUInt32LE(at + 4)
    if (webp.toString('latin1', at, at + 4) === 'VP8 ') return webp.subarray(at + 8, at + 8 + length)
    at += 8 + length + (length % 2)
  }
  throw new Error('not a lossy WebP image')
}
