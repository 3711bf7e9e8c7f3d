/** What the streams of a namespace hold, and what they may hold. */

export interface StreamUsage {
  readonly stream: string;
  readonly messages: number;
  readonly bytes: number;
  /** Null without a limit. */
  readonly maxBytes: number | null;
  readonly maxAgeMs: number | null;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  /** When it is full it refuses what is new; others let go of what is old. */
  readonly refusesWhenFull: boolean;
}

export interface StorageUsage {
  readonly streams: readonly StreamUsage[];
  /** What the account stores in files, and may: one for each number of replicas where they count apart. */
  readonly accounts: readonly { readonly bytes: number; readonly maxBytes: number | null }[];
  /** The server is one of several. */
  readonly isClustered: boolean;
}
