import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageCodec } from "../../shared/actor/message-codec.ts";

const codec = new MessageCodec();

const leaf = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double().filter((number) => !Object.is(number, -0)),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.uint8Array(),
  fc.date({ noInvalidDate: true }),
);
const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString", "length"));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map(objectOf),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((pairs) => new Map(pairs)),
    fc.array(leaf, { maxLength: 5 }).map((items) => new Set(items)),
  ),
}));

function objectOf(pairs: [string, unknown][]): object {
  const object = {};
  for (const [name, item] of pairs) {
    Object.defineProperty(object, name, {
      value: item,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return object;
}

describe("the message codec", () => {
  it("gives back what it was given", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(codec.decode(codec.encode(given))).toEqual(given);
      }),
    );
  });

  it("decodes or throws its own error, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "ActorError", code: "notDecodable" });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
