/**
 * Named objects in one NATS object store bucket (wire-compatible: `nats object get` reads them). Names are digests
 * with a prefix: `artifact/<digest>` (a tar), `manifest/<digest>` (JSON), `graph/<digest>` (JSON), `data/<digest>`.
 */
import type { MillraceError } from "../model/error.ts";

export type ObjectKind = "artifact" | "manifest" | "graph" | "data";

export interface ObjectInfo {
  readonly name: string;
  readonly bytes: number;
  readonly chunks: number;
  /** `SHA-256=<base64url>`, as NATS object stores have it. */
  readonly digest: string;
}

/** Every failure is a MillraceError: `notFound`, `corrupt` (digest differs), `unavailable`. */
export type ObjectFailure = MillraceError;

export interface Objects {
  /** Stores the bytes unless an object of that name is there; `make` is called again when a transfer starts over. */
  put(name: string, make: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ObjectInfo>;
  /** The bytes in order; throws at the end when they do not match the digest. */
  get(name: string): AsyncIterable<Uint8Array>;
  info(name: string): Promise<ObjectInfo | undefined>;
  remove(name: string): Promise<void>;
}
