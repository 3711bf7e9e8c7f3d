import fc from "fast-check";
import { expect, it } from "vitest";
import { completeJobSpec, type JobSpecInput, jobSpecSchema } from "../../shared/model/job-spec.ts";

const text = fc.string({ maxLength: 5 });
const pairs = fc.array(fc.tuple(text, text), { maxLength: 2 });
const some = { requiredKeys: [] };
const count = fc.integer({ min: 1, max: 100 });

const jobs = fc.record(
  {
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    run: fc.oneof(
      fc.record({ script: text }),
      fc.record({ argv: fc.array(text, { minLength: 1, maxLength: 3 }) }),
      fc.record({ program: text.map((rest) => `#!${rest}`) }),
    ),
    needs: fc.array(
      fc.record(
        { job: fc.constantFrom("a", "b", "__proto__"), transitive: fc.boolean() },
        { requiredKeys: ["job"] },
      ),
      { maxLength: 3 },
    ),
    layout: fc.constantFrom("workspace" as const, "package" as const),
    files: fc.array(
      fc.record({ digest: fc.constant("b".repeat(64)), folder: fc.constantFrom("inputs", "patches") }),
      { maxLength: 2 },
    ),
    marks: fc.record({ verdict: fc.constantFrom("both" as const, "marks" as const) }),
    image: fc.constant("debian:12"),
    network: fc.constant("none"),
    env: pairs,
    outputs: fc.array(fc.constant("*.o"), { maxLength: 2 }),
    labels: pairs,
    resources: fc.record({ cpu: count, memoryBytes: count }, some),
    timeouts: fc.record({ runMs: count, queueMs: count, noOutputMs: count }, some),
    retries: fc.record(
      {
        max: count,
        on: fc.subarray(["failure", "timeout", "outOfMemory"] as const),
        exitCodes: fc.array(count, { maxLength: 2 }),
        backoffMs: count,
      },
      { requiredKeys: ["max"] },
    ),
    rerunAfterLoss: fc.boolean(),
    priority: count,
    sources: fc.constant("a".repeat(64)),
    allowFailure: fc.boolean(),
    reuse: fc.boolean(),
    when: fc.constantFrom("success" as const, "always" as const, "onFailure" as const),
  },
  { requiredKeys: ["name", "run"] },
);
it("completes a valid job to what parsing makes of it", () => {
  fc.assert(
    fc.property(jobs, (job) => {
      const stored: JobSpecInput = JSON.parse(JSON.stringify(job));
      expect(completeJobSpec(stored)).toStrictEqual(jobSpecSchema.parse(stored));
    }),
    { numRuns: 500 },
  );
});
