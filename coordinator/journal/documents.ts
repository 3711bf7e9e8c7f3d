/** Documents that are too long for a record or a message: JSON stored as objects, named by their digest. */
export interface Documents {
  /** Resolves with the digest to read it by. */
  store(value: unknown): Promise<string>;
  /** Its shape is the caller's to validate. */
  read(digest: string): Promise<unknown>;
}
