/**
 * `edge-signer/server`: signing and assets for a backend of your own.
 *
 * @example
 * const keys = keysFromSecret({ secretId: 'my-cdn/prod/keys' })
 * const signed = await signCookies({ keys, url: `https://cdn.example.com/users/${userId}/*`, expiresIn: 3600 })
 * for (const value of cookieHeaders(signed, { domain: 'example.com' })) response.appendHeader('Set-Cookie', value)
 */

export type { Checksum } from '../shared/assets/upload.ts'
export {
  AssetError,
  ConfigError,
  EdgeSignerError,
  type ErrorCode,
  GrantError,
  InputError,
  ServiceError,
  SessionError,
} from '../shared/errors.ts'
export type { SameSite } from '../shared/http/set-cookie.ts'
export type { SignatureHash } from '../shared/keys/pem-key.ts'
export type { Session } from '../shared/session/session.ts'
export type { SaveSource } from './asset-backends.ts'
export {
  type Asset,
  type AssetFolderUrl,
  type AssetLine,
  type Assets,
  type AssetUpload,
  type AssetUrl,
  openAssets,
  type SaveOptions,
  type UploadOptions,
} from './assets.ts'
export type { AssetsConfig, FileAssetsConfig, S3AssetsConfig } from './assets-config.ts'
export { type Environment, type FromEnvOptions, fromEnv } from './environment.ts'
export { openSessions, type RequestHeaders, type Sessions, type SessionsOptions, verifySession } from './session.ts'
export {
  type CloudFrontCookieName,
  type CookieHeaderOptions,
  cookieHeaders,
  maxUrls,
  type PolicyKind,
  type SignCookiesOptions,
  type SignedCookies,
  type SignedFolderUrl,
  type SignFolderUrlOptions,
  type SigningOptions,
  type SignUrlOptions,
  type SignUrlsOptions,
  signCookies,
  signFolderUrl,
  signUrl,
  signUrls,
} from './sign.ts'
export {
  type AwsCredentials,
  type KmsKeyOptions,
  keysFromDocument,
  keysFromKms,
  keysFromPem,
  keysFromSecret,
  type PemKeyOptions,
  type SecretKeyOptions,
  type SigningKeys,
} from './signing-keys.ts'
