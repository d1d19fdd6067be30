import type { Asset, AssetSummary } from '../../shared/assets/asset-store.ts'

/** Epoch seconds as RFC 3339. */
export function formatTime(epoch: number): string {
  return new Date(epoch * 1000).toISOString().replace('.000Z', 'Z')
}

/** An asset as the API shows it. */
export function assetAnswer(asset: AssetSummary & Partial<Pick<Asset, 'contentType' | 'checksum'>>) {
  const { key, size, contentType, etag, lastModified, checksum } = asset
  return {
    key: key as string,
    size,
    ...(contentType === undefined ? {} : { contentType }),
    etag,
    lastModified: formatTime(lastModified),
    ...(checksum === undefined ? {} : { checksum: { algorithm: checksum.algorithm as string, value: checksum.value } }),
  }
}
