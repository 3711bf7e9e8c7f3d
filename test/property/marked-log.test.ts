import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { endMarks, readMarks, unreadLog } from "../../agent/core/log-marks.ts";
import { MarkedLogFile } from "../../agent/workspaces/marked-log.ts";

const text = fc.constantFrom(
  "#BUTIDO:PHASE:a\n",
  "#BUTIDO:PHASE:b\n",
  "#BUTIDO:PROG",
  "RESS:7\n",
  "#BUTIDO:STATE:OK\n",
  "#BUTIDO:STATE:ERR:one\n",
  "#BUTIDO:STATE:ERR:two\n",
  "plain\n",
  "\n",
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), text }),
  fc.record({ kind: fc.constant("look" as const) }),
  fc.record({ kind: fc.constant("restart" as const) }),
  fc.record({ kind: fc.constant("release" as const), share: fc.integer({ min: 0, max: 100 }) }),
);

it("loses and doubles no mark, whenever its agent is killed and whatever of it is released", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const control = mkdtempSync(join(tmpdir(), "marked-log-"));
      let file = Buffer.alloc(0);
      let written = Buffer.alloc(0);
      const bytes = {
        begin: () => 0,
        size: () => file.length,
        read: (place: number, length: number) => file.subarray(place, place + length),
      };
      let marks = new MarkedLogFile(control, bytes, false);
      try {
        for (const each of steps) {
          if (each.kind === "write") {
            file = Buffer.concat([file, Buffer.from(each.text)]);
            written = Buffer.concat([written, Buffer.from(each.text)]);
          } else if (each.kind === "look") marks.look(file.length);
          else if (each.kind === "restart") marks = new MarkedLogFile(control, bytes, true);
          else {
            const upTo = Math.floor((file.length * each.share) / 100);
            await marks.beforeRelease(upTo);
            // What was released reads as zeros.
            file = Buffer.concat([Buffer.alloc(upTo), file.subarray(upTo)]);
          }
        }
        await marks.end(file.length);
        const expected = unreadLog();
        readMarks(expected, written);
        endMarks(expected);
        expect(marks.said).toEqual(expected);
      } finally {
        rmSync(control, { recursive: true });
      }
    }),
    { numRuns: 300 },
  );
});
