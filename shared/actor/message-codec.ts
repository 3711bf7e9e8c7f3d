/**
 * Messages as MessagePack. What msgpackr would change in silence is either carried as an extension (Map, Set, refs, an
 * object with a key `__proto__`) or refused (functions, symbols, instances of classes, deep nesting). Left as they are:
 * -0 becomes 0, and a lone surrogate the replacement character.
 *
 * 1. What `encode` accepts, `decode` gives back equal, and as a copy: nothing decoded shares memory with the payload.
 * 2. What `decode` is given may be anything: it throws an ActorError, and takes no more than `maxBytes`.
 */
import { addExtension, C1, Packr } from "msgpackr";
import { ActorError } from "./actor-error.ts";
import { checkAddress } from "./address.ts";
import type { ActorRef, Codec } from "./contract.ts";
import { Ref } from "./ref.ts";

const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;
const MAX_DEPTH = 200;

/** Makes the ref of an address found in a message. */
export type Revive = (node: string, path: string) => ActorRef<never>;

class MapImage {
  readonly entries: unknown[];
  constructor(entries: unknown[]) {
    this.entries = entries;
  }
}
class SetImage {
  readonly items: unknown[];
  constructor(items: unknown[]) {
    this.items = items;
  }
}
class ObjectImage {
  readonly entries: unknown[];
  constructor(entries: unknown[]) {
    this.entries = entries;
  }
}
class RefImage {
  readonly address: readonly [node: string, path: string];
  constructor(address: readonly [string, string]) {
    this.address = address;
  }
}

/** How the codec that decodes at present revives refs; extensions of msgpackr are global, and decoding never waits. */
let reviving: Revive | undefined;

addExtension({
  Class: MapImage,
  type: 0x11,
  write: (image: MapImage) => image.entries,
  read: (entries: unknown) => new Map(pairsIn(entries)),
});
addExtension({
  Class: SetImage,
  type: 0x12,
  write: (image: SetImage) => image.items,
  read: (items: unknown) => new Set(listIn(items)),
});
addExtension({
  Class: ObjectImage,
  type: 0x13,
  write: (image: ObjectImage) => image.entries,
  read: (entries: unknown) => objectOf(pairsIn(entries)),
});
addExtension({ Class: RefImage, type: 0x14, write: (image: RefImage) => image.address, read: reviveRef });

export class MessageCodec implements Codec {
  private readonly packr = new Packr({ useRecords: false, copyBuffers: true });
  private readonly maxBytes: number;
  private readonly revive: Revive | undefined;

  constructor(maxBytes: number = DEFAULT_MAX_BYTES, revive?: Revive) {
    this.maxBytes = maxBytes;
    this.revive = revive;
  }

  /** The same codec for an actor system, which makes the refs in what it decodes. */
  withRefs(revive: Revive): MessageCodec {
    return new MessageCodec(this.maxBytes, revive);
  }

  encode(value: unknown): Uint8Array {
    const bytes = this.pack(imageOf(value, 0));
    if (bytes.byteLength > this.maxBytes) {
      throw new ActorError("notEncodable", `a message of ${bytes.byteLength} bytes is over ${this.maxBytes}`);
    }
    return bytes;
  }

  decode(bytes: Uint8Array): unknown {
    if (bytes.byteLength > this.maxBytes) {
      throw new ActorError("notDecodable", `a message of ${bytes.byteLength} bytes is over ${this.maxBytes}`);
    }
    const outer = reviving;
    reviving = this.revive;
    try {
      // As a plain Uint8Array, since what is cut out of a Buffer would be Buffers again.
      const value: unknown = this.packr.decode(
        new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      );
      if (value === C1) throw new ActorError("notDecodable", "0xC1 begins no value");
      return value;
    } catch (error) {
      throw error instanceof ActorError
        ? error
        : new ActorError("notDecodable", `not one whole MessagePack value: ${String(error)}`, {
            cause: error,
          });
    } finally {
      reviving = outer;
    }
  }

  private pack(image: unknown): Uint8Array {
    try {
      return this.packr.encode(image);
    } catch (error) {
      throw new ActorError("notEncodable", `cannot be encoded: ${String(error)}`, { cause: error });
    }
  }
}

/** The value itself, or a copy in which everything msgpackr does not carry is replaced by its image. */
function imageOf(value: unknown, depth: number): unknown {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new ActorError("notEncodable", `a ${typeof value} cannot be sent in a message`);
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH)
    throw new ActorError("notEncodable", "a message is nested too deep, or holds itself");
  if (Array.isArray(value)) return imageOfList(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return imageOfObject(value as PlainObject, depth);
  if (value instanceof Uint8Array || value instanceof Date) return value;
  if (value instanceof Ref) return new RefImage([value.node, value.path]);
  if (value instanceof Map) return new MapImage(imageOfList([...value], depth));
  if (value instanceof Set) return new SetImage(imageOfList([...value], depth));
  throw new ActorError(
    "notEncodable",
    `an instance of ${value.constructor.name} cannot be sent in a message`,
  );
}

type PlainObject = Record<string, unknown>;

function imageOfList(list: unknown[], depth: number): unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const image = imageOf(list[index], depth + 1);
    if (Object.is(image, list[index])) continue;
    copy ??= list.slice();
    copy[index] = image;
  }
  return copy ?? list;
}

function imageOfObject(object: PlainObject, depth: number): unknown {
  let copy: PlainObject | undefined;
  for (const key of Object.keys(object)) {
    if (key === "__proto__") return new ObjectImage(imageOfList(Object.entries(object), depth));
    const image = imageOf(object[key], depth + 1);
    if (Object.is(image, object[key])) continue;
    copy ??= { ...object };
    copy[key] = image;
  }
  return copy ?? object;
}

function listIn(items: unknown): unknown[] {
  if (Array.isArray(items)) return items;
  throw new ActorError("notDecodable", "an extension holds no list");
}

function pairsIn(entries: unknown): [unknown, unknown][] {
  return listIn(entries).map((entry) => {
    const [key, value] = listIn(entry);
    return [key, value];
  });
}

function objectOf(entries: [unknown, unknown][]): object {
  const object = {};
  for (const [key, value] of entries) {
    // An assignment to `__proto__` would set the prototype.
    Object.defineProperty(object, String(key), {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return object;
}

function reviveRef(address: unknown): ActorRef<never> {
  const [node, path] = listIn(address);
  if (typeof node !== "string" || typeof path !== "string") {
    throw new ActorError("notDecodable", "a ref holds no address");
  }
  if (reviving === undefined) throw new ActorError("notDecodable", "a ref came where no actor system is");
  checkAddress(node, path);
  return reviving(node, path);
}
