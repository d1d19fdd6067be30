/** The runtime's own module (cloudfront-js-2.0, "CloudFront KeyValueStore helper methods"). */
declare module 'cloudfront' {
  interface KeyValueStore {
    /** Returns true if there is such a key. Never throws for a key that is not there. */
    exists(key: string): Promise<boolean>
    /** The value as text; throws where there is no such key. */
    get(key: string): Promise<string>
  }
  const cf: { kvs(): KeyValueStore }
  export default cf
}
