import { generateKeyPairSync } from 'node:crypto'
import { BlockList } from 'node:net'
import fc from 'fast-check'
import projectConfig from '../../../edge-signer.config.ts'
import type { Upload } from '../../../shared/assets/upload.ts'
import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { blockHolds, parseIpv4Block } from '../../../shared/cloudfront/ipv4.ts'
import { parsePolicy } from '../../../shared/cloudfront/parse-policy.ts'
import { customPolicy, resourcePolicy } from '../../../shared/cloudfront/policy.ts'
import { matchesResource } from '../../../shared/cloudfront/resource-match.ts'
import { createPolicySigner } from '../../../shared/cloudfront/signer.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import { edgeGrantsValue, readFormerGrants } from '../../../shared/grant/edge-grants.ts'
import { decodePathSegment, encodePathSegment } from '../../../shared/grant/resource-prefix.ts'
import { readCookies } from '../../../shared/http/cookies.ts'
import { rfc3339 } from '../../../shared/http/rfc3339.ts'
import { parseKeyDocument, serializeKeyDocument } from '../../../shared/keys/key-document.ts'
import { makeKeyDocument } from '../../../shared/keys/make-key-pair.ts'
import { isMultiRange, isSingleRange } from '../../../shared/read/check-read.ts'
import { parseAllowedOrigins } from '../../../shared/read/cors.ts'
import { parseRevocationValue, revocationValue } from '../../../shared/revocation/key-value.ts'
import { issueStamp, verifyStamp } from '../../../shared/revocation/stamp.ts'
import { parseRevocationState, serializeRevocationState } from '../../../shared/revocation/state.ts'
import { parseReturnAddress } from '../../../shared/session/return-address.ts'
import { issueUploadToken, ownerOf, readUploadToken } from '../../../shared/uploads/upload-token.ts'

import { accessRules } from './access-rules.ts'
import {
  accepted,
  ecKey,
  epoch,
  hostileText,
  objectKey,
  prefix,
  type Rule,
  same,
  segment,
  stampKey,
  token,
} from './inputs.ts'

/** Every rule: what opens what, and that what was written is read as the same value. */
export const rules: readonly Rule[] = [
  ...accessRules,
  {
    name: 'path segments: decode ∘ encode is identity',
    property: () => fc.property(segment, (text) => decodePathSegment(encodePathSegment(text)) === text),
  },
  {
    name: "CloudFront's base64: decode ∘ encode is identity, and each value has one spelling",
    property: () =>
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), hostileText, (bytes, text) => {
        const decoded = fromCloudFrontBase64(text)
        const isOne = decoded === undefined || toCloudFrontBase64(decoded) === text
        return isOne && Buffer.from(bytes).equals(fromCloudFrontBase64(toCloudFrontBase64(bytes)) ?? Buffer.alloc(0))
      }),
  },
  {
    name: 'policies: parse ∘ serialize is identity',
    property: () =>
      fc.property(prefix, epoch, fc.nat(1000), fc.ipV4(), (own, notBefore, more, ipAddress) => {
        const expires = Math.min(notBefore + 1 + more, 2 ** 31 - 1)
        if (notBefore >= expires) return true
        const resource = `https://cdn.example.com${own}*`
        const read = parsePolicy(resourcePolicy(resource, { expires, notBefore, ipAddress }))
        return same({ ...read }, { resource, expires, notBefore, ipAddress: `${ipAddress}/32` })
      }),
  },
  {
    name: 'a signature verifies with its own key and no other',
    property: () =>
      fc.asyncProperty(prefix, async (own) => {
        const policy = customPolicy({ host: 'cdn.example.com', prefix: own, notBefore: 1, expires: 100 })
        const signed = await createPolicySigner(ecKey).sign(policy)
        const { verify } = await import('node:crypto')
        const signature = fromCloudFrontBase64(signed.signature) ?? Buffer.alloc(0)
        const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
        const text = Buffer.from(policy)
        return verify('sha256', text, ecKey.publicKey, signature) && !verify('sha256', text, other, signature)
      }),
  },
  {
    name: 'wildcards match as a regular expression does',
    property: () => {
      const piece = fc
        .array(fc.constantFrom('a', 'b', '*', '?', '.', '/'), { maxLength: 8 })
        .map((parts) => parts.join(''))
      return fc.property(piece, piece, (pattern, text) => {
        const expression = pattern.replace(/[.*?/]/g, (c) => (c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`))
        return matchesResource(pattern, text) === new RegExp(`^${expression}$`, 's').test(text)
      })
    },
  },
  {
    name: 'address blocks hold what node:net says they hold',
    property: () =>
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (address, bits, client) => {
        const block = parseIpv4Block(`${address}/${bits}`)
        const list = new BlockList()
        list.addSubnet(address, bits)
        return block !== undefined && blockHolds(block, client) === list.check(client)
      }),
  },
  {
    name: 'cookies: what was written is read, every value in its order',
    property: () =>
      fc.property(fc.array(fc.tuple(token, token), { minLength: 1, maxLength: 8 }), (pairs) => {
        const read = readCookies(pairs.map(([name, value]) => `${name}=${value}`).join('; '))
        return pairs.every(([name], _, all) =>
          same(
            read.get(name),
            all.filter(([other]) => other === name).map(([, value]) => value),
          ),
        )
      }),
  },
  {
    name: 'edge-grants: parse ∘ serialize is identity, and nothing changed is read',
    property: () =>
      fc.property(fc.uniqueArray(prefix, { minLength: 1, maxLength: 8 }), fc.nat(), (prefixes, at) => {
        const value = edgeGrantsValue(prefixes, stampKey)
        const read = (text: string) => readFormerGrants(new Map([['edge-grants', [text]]]), stampKey).minted
        const changed = value.slice(0, at % value.length) + value.slice((at % value.length) + 1)
        return same(read(value), prefixes) && read(changed).length === 0
      }),
  },
  {
    name: 'stamps: verify ∘ issue is identity for their own host and prefix only',
    property: () =>
      fc.property(prefix, prefix, epoch, hostileText, (own, other, at, text) => {
        const stamp = issueStamp(stampKey, 'cdn.example.com', own, at)
        return (
          verifyStamp(stampKey, 'cdn.example.com', own, stamp) === at &&
          verifyStamp(stampKey, 'other.example.com', own, stamp) === undefined &&
          (own === other || verifyStamp(stampKey, 'cdn.example.com', other, stamp) === undefined) &&
          verifyStamp(stampKey, 'cdn.example.com', own, text) === undefined
        )
      }),
  },
  {
    name: 'upload tokens: read ∘ issue is identity for their owner only',
    property: () =>
      fc.property(objectKey, fc.string({ maxLength: 20 }), fc.nat(), epoch, (key, sub, size, issuedAt) => {
        const upload: Upload = {
          id: 'AAAAAAAAAAAAAAAAAAAAAA',
          protocol: 'tus',
          owner: ownerOf(sub),
          key,
          size,
          contentType: 'application/octet-stream',
          checksum: undefined,
          overwrite: false,
          issuedAt,
          expiresAt: issuedAt + 60,
          maxBytes: 2 ** 40,
          depth: 1,
          storeId: undefined,
        }
        const issued = issueUploadToken(upload, stampKey)
        const read = accepted(() => readUploadToken(issued, sub, stampKey))
        const ofOther = accepted(() => readUploadToken(issued, `${sub}x`, stampKey))
        return same(read, upload) && ofOther === undefined
      }),
  },
  {
    name: 'revocation states and entries: parse ∘ serialize is identity',
    property: () =>
      fc.property(
        fc.array(fc.record({ prefix, before: epoch, expires: epoch }, { noNullPrototype: true }), { maxLength: 5 }),
        epoch,
        (revocations, before) => {
          const state = parseRevocationState(serializeRevocationState({ revocations }))
          return same(state, { revocations }) && parseRevocationValue(revocationValue(before)) === before
        },
      ),
  },
  {
    name: 'key documents: parse ∘ serialize is identity',
    property: () =>
      fc.property(fc.stringMatching(/^K[A-Z0-9]{1,13}$/), fc.nat(), (id, notBefore) => {
        const document = makeKeyDocument({ ...ecKey, keyPairId: id, notBefore }, undefined)
        const json = serializeKeyDocument(document)
        return serializeKeyDocument(parseKeyDocument(json)) === json && parseKeyDocument(json).keys[0]?.keyPairId === id
      }),
  },
  {
    name: 'the config of each stage survives JSON',
    property: () =>
      fc.property(fc.constantFrom('dev', 'prod', 'local'), (stage) =>
        same(parseDeployment(JSON.parse(JSON.stringify(projectConfig)), stage), parseDeployment(projectConfig, stage)),
      ),
  },
  {
    name: 'ranges: one range is one range, two are several',
    property: () =>
      fc.property(fc.nat(), fc.nat(), (first, more) => {
        const one = { value: `bytes=${first}-${first + more}` }
        const two = { value: `bytes=${first}-${first + more},${first}-` }
        return isSingleRange(one) && !isMultiRange(one) && isMultiRange(two) && !isSingleRange(two)
      }),
  },
  {
    name: 'a return address stays here or goes to an allowed origin',
    property: () => {
      const isAllowed = parseAllowedOrigins(['https://app.example.com', 'http://localhost:*'])
      const start = fc.constantFrom(
        '/',
        '//',
        '/\\',
        'https://app.example.com',
        'https://app.example.com@',
        'http://localhost:',
        '',
        'javascript:',
      )
      return fc.property(start, hostileText, (before, text) => {
        const address = accepted(() => parseReturnAddress(`${before}${text}`, isAllowed))
        if (address === undefined) return true
        const { origin } = new URL(address.location, 'https://cdn.example.com/_edge/session')
        return address.kind === 'local' ? origin === 'https://cdn.example.com' : isAllowed(origin)
      })
    },
  },
  {
    name: 'times are written as Date reads them',
    property: () => fc.property(epoch, (at) => Date.parse(rfc3339(at)) === at * 1000),
  },
]
