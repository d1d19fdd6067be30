import { describe, expect, test } from 'vitest'
import { encodePathSegment } from '../../../../shared/grant/resource-prefix.ts'
import { canonicalAddress, checkRead, type ReadRequest } from '../../../../shared/read/check-read.ts'
import type { ReadRules } from '../../../../shared/read/read-rules.ts'

const rules: ReadRules = { depths: { '/users': [2], '/teams': [2, 3] }, rangeOnly: ['/users/alice/disks/'] }
const check = (parts: Partial<ReadRequest>) =>
  checkRead({ method: 'GET', path: '/users/alice/x', range: undefined, destination: undefined, ...parts }, rules)
const forDestination = (value: string) => check({ destination: { value } })

describe('checkRead', () => {
  test('returns the prefixes at the depths of the grant templates', () => {
    expect(check({})).toEqual(['/users/alice/'])
    expect(check({ path: '/teams/red/green/x' })).toEqual(['/teams/red/', '/teams/red/green/'])
    expect(check({ path: '/users/alice' })).toEqual([])
    expect(check({ path: '/public/x' })).toEqual([])
  })

  test('takes no first segment for an inherited member', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) expect(check({ path: `/${name}/a/b` })).toEqual([])
  })

  test('judges the path first, then method, reserved prefix, destination, range', () => {
    const worst = {
      path: '/_state//x',
      method: 'PUT',
      destination: { value: 'script' },
      range: { value: 'bytes=0-1,2-3' },
    }
    expect(check(worst)).toBe('ERR_PATH_NOT_CANONICAL')
    expect(check({ ...worst, path: '/_state/x' })).toBe('ERR_METHOD_NOT_ALLOWED')
    expect(check({ ...worst, path: '/_state/x', method: 'GET' })).toBe('ERR_NOT_FOUND')
    expect(check({ ...worst, path: '/users/alice/x', method: 'GET' })).toBe('ERR_FETCH_DESTINATION')
    expect(check({ range: worst.range })).toBe('ERR_RANGE_MULTIPLE')
    expect(check({ path: '/users/alice/disks/x' })).toBe('ERR_RANGE_REQUIRED')
    expect(check({ path: '/users/a+b/x', range: worst.range })).toBe('ERR_RANGE_MULTIPLE')
    expect(check({ path: '/users/a+b/x' })).toBe('ERR_PATH_RESERVED')
  })
})

describe('canonicalAddress', () => {
  test('encodes the names of the longest prefix, and nothing below it', () => {
    expect(canonicalAddress('/users/a@b.example/x@1+2', rules)).toBe('/users/a%40b.example/x@1+2')
    expect(canonicalAddress('/teams/a:b/(c)/d,e', rules)).toBe('/teams/a%3Ab/%28c%29/d,e')
    expect(canonicalAddress('/teams/a:b/(c)', rules)).toBe('/teams/a%3Ab/(c)')
    expect(canonicalAddress('/users/a%20b@c/x', rules)).toBe('/users/a%20b%40c/x')
  })

  test('leaves every other path as it is', () => {
    for (const path of ['/users/alice/a@b', '/users/a@b', '/public/a@b/x', '/users/a%2540b/x', '/', '/__proto__/a@b/c'])
      expect(canonicalAddress(path, rules)).toBe(path)
  })

  test('is unknown for a raw + in the prefix, which S3 reads as a space', () => {
    expect(canonicalAddress('/users/a+b/x', rules)).toBeUndefined()
    expect(canonicalAddress('/teams/a/b+c/x', rules)).toBeUndefined()
    expect(canonicalAddress('/users/a%2Bb/x+y', rules)).toBe('/users/a%2Bb/x+y')
  })

  test('is served, is below the prefix of the same name, and is its own address', () => {
    for (const raw of "!$&'(),;:=@[]^|") {
      const address = canonicalAddress(`/users/a${raw}b/x${raw}`, rules) ?? ''
      expect(address).toBe(`/users/${encodePathSegment(`a${raw}b`)}/x${raw}`)
      expect(check({ path: address })).toEqual([`/users/${encodePathSegment(`a${raw}b`)}/`])
      expect(canonicalAddress(address, rules)).toBe(address)
    }
  })
})

describe('rangeOnly', () => {
  const disk = (value: string) => check({ path: '/users/alice/disks/x', range: { value } })

  // A range whose last position is before its first is none, and is answered with the whole object.
  test.each(['bytes=9-0', 'bytes=010-9', 'bytes=9007199254740993-9007199254740992', `bytes=${'9'.repeat(400)}-1`])(
    '%s is no range',
    (range) => expect(disk(range)).toBe('ERR_RANGE_REQUIRED'),
  )

  test.each([
    'bytes=0-',
    'bytes=0-0',
    'bytes=00-0',
    'bytes=9-010',
    'bytes=9-10',
    'bytes=-5',
    `bytes=0-${'9'.repeat(400)}`,
  ])('%s is a range', (range) => expect(disk(range)).toEqual(['/users/alice/']))
})

describe('Sec-Fetch-Dest', () => {
  // The destinations of the Fetch standard, with those of other standards that extend it.
  const code = ['audioworklet', 'paintworklet', 'script', 'serviceworker', 'sharedworker', 'worker', 'style', 'xslt']
  const speaksForTheApp = ['manifest', 'report', 'speculationrules', 'webidentity']
  const reads = ['empty', 'json', 'text', 'audio', 'font', 'image', 'track', 'video']
  const documents = ['document', 'embed', 'frame', 'iframe', 'object']

  test.each([...code, ...speaksForTheApp])('%s is refused', (destination) => {
    expect(forDestination(destination)).toBe('ERR_FETCH_DESTINATION')
    expect(check({ method: 'HEAD', destination: { value: destination } })).toBe('ERR_FETCH_DESTINATION')
    expect(check({ path: '/public/x', destination: { value: destination } })).toBe('ERR_FETCH_DESTINATION')
  })

  test.each([...reads, ...documents])('%s is a read', (destination) => {
    expect(forDestination(destination)).toEqual(['/users/alice/'])
  })

  test.each(['', 'Image', 'image ', 'image, image', 'image\n', 'no-such-destination', 'constructor'])(
    'the unknown value %j is refused',
    (destination) => {
      expect(forDestination(destination)).toBe('ERR_FETCH_DESTINATION')
    },
  )

  test('is one line', () => {
    const lines = { value: 'image', multiValue: [{ value: 'image' }, { value: 'script' }] }
    expect(check({ destination: lines })).toBe('ERR_FETCH_DESTINATION')
  })

  test('is absent where the client is no browser', () => {
    expect(check({ destination: undefined })).toEqual(['/users/alice/'])
  })
})
