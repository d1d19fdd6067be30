/** `edge-signer/client`: sessions, reads and uploads of a stage, in pages and workers. No dependencies. */
export type { BlockOptions, ReadOptions } from './blocks.ts'
export { ChunkedReader, type ChunkedReaderOptions, type Manifest } from './chunked-reader.ts'
export {
  createEdgeClient,
  type EdgeClient,
  type EdgeClientOptions,
  type EdgeRequest,
  type Me,
  type UserGrant,
} from './edge-client.ts'
export { ClientError, type ClientErrorCode } from './errors.ts'
export { type ByteReader, RangeReader, type RangeReaderOptions, type StreamOptions } from './range-reader.ts'
export type { Timing } from './retry.ts'
export type { Session } from './session.ts'
export { type UploadOptions, type UploadTask, upload } from './upload.ts'
export type { UploadedAsset } from './upload-ticket.ts'
