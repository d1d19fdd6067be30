import { resolve } from 'node:path'
import fc from 'fast-check'
import { parseFileName } from '../../../shared/assets/download-name.ts'
import { keyPath, parseObjectKey } from '../../../shared/assets/object-key.ts'
import { checkPolicy, parsePolicy } from '../../../shared/cloudfront/parse-policy.ts'
import { customPolicy } from '../../../shared/cloudfront/policy.ts'
import { grantsFor } from '../../../shared/grant/grants-for.ts'
import { decodePathSegment } from '../../../shared/grant/resource-prefix.ts'
import { isCanonicalPath } from '../../../shared/read/canonical-path.ts'

import { accepted, hostileText, objectKey, prefix, type Rule, templates } from './inputs.ts'

/** What opens what: grants, policies, keys and paths. */
export const accessRules: readonly Rule[] = [
  {
    name: "a grant's policy opens its prefix and nothing else",
    property: () =>
      fc.property(prefix, fc.oneof(hostileText, objectKey), fc.boolean(), (own, text, below) => {
        const policy = parsePolicy(customPolicy({ host: 'cdn.example.com', prefix: own, notBefore: 1, expires: 100 }))
        if (policy === undefined) return false
        const url = `https://cdn.example.com${below ? own : '/'}${text}`
        const isOpened = checkPolicy(policy, { url, now: 50, clientIp: '192.0.2.1' }) === undefined
        return isOpened === url.startsWith(`https://cdn.example.com${own}`)
      }),
  },
  {
    name: 'a policy of one host opens nothing on another',
    property: () =>
      fc.property(prefix, hostileText, (own, host) => {
        const policy = parsePolicy(customPolicy({ host: 'cdn.example.com', prefix: own, notBefore: 1, expires: 100 }))
        const url = `https://${host}${own}x`
        const isOpened =
          policy !== undefined && checkPolicy(policy, { url, now: 50, clientIp: '192.0.2.1' }) === undefined
        return isOpened === url.startsWith(`https://cdn.example.com${own}`)
      }),
  },
  {
    name: 'whatever a session claims, each grant is one segment below its template',
    property: () =>
      fc.property(
        hostileText,
        fc.oneof(hostileText, fc.array(hostileText, { maxLength: 3 }), fc.jsonValue()),
        (sub, team) => {
          const { prefixes } = accepted(() => grantsFor({ sub, claims: { team } }, templates, 8)) ?? { prefixes: [] }
          const claimed = [sub, ...(Array.isArray(team) ? team : [team])]
          return prefixes.every((own) => {
            const [, root, value = '', rest, ...more] = own.split('/')
            const decoded = decodePathSegment(value)
            return (
              (root === 'users' || root === 'teams') &&
              rest === '' &&
              more.length === 0 &&
              claimed.includes(decoded ?? null)
            )
          })
        },
      ),
  },
  {
    name: 'an object key never leaves its root, and its path is canonical and means the key',
    property: () =>
      fc.property(fc.oneof(hostileText, objectKey), (text) => {
        const key = accepted(() => parseObjectKey(text))
        if (key === undefined) return true
        const path = keyPath(key)
        return (
          resolve('/root', key) === `/root/${key}` && isCanonicalPath(path) && decodeURIComponent(path) === `/${key}`
        )
      }),
  },
  {
    name: 'a file name is one segment that stays below its folder',
    property: () =>
      fc.property(hostileText, (text) => {
        const name = accepted(() => parseFileName(text))
        return name === undefined || (resolve('/root', name) === `/root/${name}` && !name.includes('/'))
      }),
  },
  {
    name: 'a canonical path has one reading',
    property: () =>
      fc.property(hostileText, (text) => {
        const path = `/users/alice/${text}`
        if (!isCanonicalPath(path)) return true
        const decoded = decodeURIComponent(path)
        return (
          decoded.split('/').length === path.split('/').length && resolve(decoded) === decoded.replace(/(?<=.)\/$/, '')
        )
      }),
  },
]
