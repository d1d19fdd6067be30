import type { Page } from 'playwright-core'
import { makeWebm } from '../../support/webm.ts'

/** One second of a video: a plain grey, by which it is known again. */
export interface Frame {
  readonly webp: Buffer
  /** Grey level that the browser shows for it, 0 to 255. */
  readonly grey: number
}

const width = 64
const height = 48

/** Lets the browser draw and encode a frame for each second. `grey` is read back, as encoding may change it by one. */
export async function makeFrames(page: Page, seconds: number): Promise<Frame[]> {
  const frames = await page.evaluate<{ webp: string; grey: number }[]>(`(async () => {
    const frames = []
    for (let second = 0; second < ${seconds}; second++) {
      const canvas = new OffscreenCanvas(${width}, ${height})
      const context = canvas.getContext('2d', { alpha: false })
      context.fillStyle = 'rgb(' + [4, 4, 4].map((step) => 8 + step * second) + ')'
      context.fillRect(0, 0, ${width}, ${height})
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.9 })
      context.drawImage(await createImageBitmap(blob), 0, 0)
      const bytes = new Uint8Array(await blob.arrayBuffer())
      frames.push({ webp: btoa(String.fromCharCode(...bytes)), grey: context.getImageData(9, 9, 1, 1).data[0] })
    }
    return frames
  })()`)
  return frames.map(({ webp, grey }) => ({ webp: Buffer.from(webp, 'base64'), grey }))
}

/** The frames as a WebM video of 256 KiB a second. */
export function makeVideo(frames: readonly Frame[]): Buffer {
  return makeWebm({ width, height, frames: frames.map(({ webp }) => webp), bytesPerSecond: 2 ** 18 })
}

/** Waits until the page's video shows the frame at its current time. */
export async function waitForVideo(page: Page): Promise<void> {
  await page.waitForFunction(`(() => {
    const video = document.querySelector('video')
    if (video.error) throw new Error(video.error.message)
    return video.readyState >= 2 && !video.seeking
  })()`)
}

/** The colour in the video's middle. The video must be readable to the page: same-origin, or with CORS. */
export function shownGrey(page: Page): Promise<number> {
  return page.evaluate<number>(`(() => {
    const canvas = new OffscreenCanvas(${width}, ${height})
    const context = canvas.getContext('2d')
    context.drawImage(document.querySelector('video'), 0, 0)
    return context.getImageData(9, 9, 1, 1).data[0]
  })()`)
}
