import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineCutter } from "../../../coordinator/cli/line-cutter.ts";

describe("cutting a log into lines", () => {
  it("gives the same lines whatever the pieces are", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "é", "日", "\n") }),
        fc.array(fc.nat(5)),
        (text, sizes) => {
          const bytes = Buffer.from(text);
          const cutter = new LineCutter();
          const lines: string[] = [];
          let offset = 0;
          for (const size of [...sizes, bytes.length]) {
            lines.push(...cutter.push(bytes.subarray(offset, offset + size)));
            offset += size;
          }
          lines.push(...cutter.end());
          const expected = text.split("\n");
          if (expected.at(-1) === "") expected.pop();
          expect(lines).toEqual(expected);
        },
      ),
    );
  });

  it("needs no memory for a log without line breaks", () => {
    const cutter = new LineCutter();
    const lines = cutter.push(Buffer.alloc(200_000, "x"));
    expect(lines.map((line) => line.length)).toEqual([65_536, 65_536, 65_536]);
  });
});
