/**
 * Named objects in one NATS object store bucket (wire-compatible: `nats object get` reads them). Names are digests
 * with a prefix: `artifact/<digest>` (a tar), `manifest/<digest>` (JSON), `graph/<digest>` (JSON), `snapshot/<digest>`, `data/<digest>`.
 * What is under another name may be replaced.
 * Every failure is a MillraceError: `notFound`, `corrupt` (the digest differs), `unavailable`.
 */

export type ObjectKind = "artifact" | "manifest" | "graph" | "snapshot" | "data";

export interface ObjectInfo {
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** `SHA-256=<base64url>`, as NATS object stores have it. */
  readonly digest: string;
}

/** An aborted `signal` makes the operation reject with its reason. */
export interface ObjectOptions {
  readonly signal?: AbortSignal;
}

/** A server that is away is waited for, for ever unless there is a signal. */
export interface Objects {
  /**
   * Stores the bytes unless an object of that name is there; `make` is called again when a transfer starts over. A
   * piece is not looked at any more when the next one is asked for.
   */
  put(
    name: string,
    make: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: ObjectOptions,
  ): Promise<ObjectInfo>;
  /**
   * Stores the bytes in place of whatever is there, unless that was replaced in a later term: then it stays, and the
   * answer is false. A reader of what goes meanwhile is told `notFound`.
   */
  replace(
    name: string,
    make: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    term: number,
    options?: ObjectOptions,
  ): Promise<boolean>;
  /** The bytes in order; throws at the end when they do not match the digest. */
  get(name: string, options?: ObjectOptions): AsyncIterable<Uint8Array>;
  /** Says that an object is wanted still, so that it is not collected as forgotten; false where it is not there. */
  announce(name: string, options?: ObjectOptions): Promise<boolean>;
  info(name: string, options?: ObjectOptions): Promise<ObjectInfo | undefined>;
  /** Does nothing when there is no such object. */
  remove(name: string, options?: ObjectOptions): Promise<void>;
}
