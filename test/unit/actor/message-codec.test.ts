import { describe, expect, it } from "vitest";
import type { ActorRef } from "../../../shared/actor/contract.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import { ActorWorld, onMessage } from "../../support/actor-world.ts";

const codec = new MessageCodec();
const roundTrip = (value: unknown): unknown => codec.decode(codec.encode(value));

describe("the message codec", () => {
  it("carries maps, sets, dates, bytes, undefined and keys of any name", () => {
    const value = {
      map: new Map<unknown, unknown>([
        ["__proto__", new Map([[1, new Set(["x"])]])],
        [{ key: 1 }, undefined],
      ]),
      date: new Date(5),
      bytes: Uint8Array.of(1, 2, 3),
      none: undefined,
      big: 2n ** 63n - 1n,
      constructor: "own",
      toString: 1,
    };
    expect(roundTrip(value)).toStrictEqual(value);
    const tricky: unknown = JSON.parse('{"__proto__":{"a":1},"b":[{"__proto__":2}]}');
    const copy = roundTrip(tricky) as object;
    expect(JSON.stringify(copy)).toBe(JSON.stringify(tricky));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it("gives bytes that share no memory with the message they came in", () => {
    const encoded = codec.encode({ bytes: Uint8Array.of(1, 2, 3) }).slice();
    const { bytes } = codec.decode(encoded) as { bytes: Uint8Array };
    encoded.fill(0);
    expect(bytes).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  it("does not change what it encodes", () => {
    const value = { map: new Map([["a", 1]]), list: [new Set([1])] };
    const { map, list } = value;
    codec.encode(value);
    expect(value.map).toBe(map);
    expect(value.list).toBe(list);
    expect(list[0]).toEqual(new Set([1]));
  });

  it("refuses what would arrive as something else", () => {
    class Point {
      readonly x = 1;
    }
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [() => 1, Symbol("s"), new Point(), new Error("e"), circle, /x/, 2n ** 70n]) {
      expect(() => codec.encode({ deep: [value] })).toThrow(
        expect.objectContaining({ code: "notEncodable" }),
      );
    }
  });

  it("throws on whatever is not one whole value", () => {
    const whole = codec.encode({ a: [1, "two", new Map([[1, 2]])] });
    const notDecodable = expect.objectContaining({ code: "notDecodable" });
    for (let length = 0; length < whole.byteLength; length++) {
      expect(() => codec.decode(whole.subarray(0, length))).toThrow(notDecodable);
    }
    for (const bytes of [
      [0xc1],
      [1, 2],
      [0xd4, 0x11, 1],
      [0xd4, 0x14, 0x90],
      [0xdd, 0xff, 0xff, 0xff, 0xff],
    ]) {
      expect(() => codec.decode(Uint8Array.from(bytes))).toThrow(notDecodable);
    }
    expect(() => codec.decode(new Uint8Array(200_000).fill(0x91))).toThrow(notDecodable);
  });

  it("refuses messages beyond its size, both ways", () => {
    const small = new MessageCodec(100);
    expect(() => small.encode("x".repeat(100))).toThrow(/over 100/);
    expect(() => small.decode(codec.encode("x".repeat(100)))).toThrow(/over 100/);
  });

  it("revives refs in an actor system only, and only well-formed ones", async () => {
    const world = new ActorWorld();
    const { system } = world.node("n");
    const ref = system.spawn<string>(
      "a",
      onMessage(() => undefined),
    );
    const encoded = codec.encode({ ref });
    expect(() => codec.decode(encoded)).toThrow(/no actor system/);
    const reviving = codec.withRefs((node, path) => system.refTo(node, path));
    const revived = (reviving.decode(encoded) as { ref: ActorRef<string> }).ref;
    expect(`${revived}`).toBe("n:/a");
    expect(JSON.stringify(revived)).toBe('{"node":"n","path":"/a"}');
    const forged = encoded.slice();
    forged.set(Buffer.from("/."), Buffer.from(forged).indexOf("/a"));
    expect(() => reviving.decode(forged)).toThrow(/no path/);
  });
});
