/** Oldest Node that strips types without a flag. */
export declare const oldestNode: string
export declare const pinnedNode: string
export declare function isSupportedNode(version: string): boolean
export declare function fetchedNode(root: string, version?: string): string | undefined
export declare function fetchNode(
  root: string,
  version: string,
  npm: (args: string[]) => Promise<boolean>,
): Promise<string | undefined>
