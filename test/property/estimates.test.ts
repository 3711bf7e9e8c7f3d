import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Estimates } from "../../coordinator/core/estimates.ts";
import { keysOf } from "../../shared/model/job-keys.ts";

const names = ["a", "b", "c", "d", "e", "f"];
const success = fc.record({
  name: fc.constantFrom(...names),
  script: fc.constantFrom("make", "make -j"),
  wallMs: fc.double({ min: 0, max: 10_000_000, noNaN: true }),
});
type Success = { readonly name: string; readonly script: string; readonly wallMs: number };

const keys = ({ name, script }: Pick<Success, "name" | "script">) => keysOf({ name, run: { script } });

function tableOf(successes: readonly Success[], capacity?: number): Estimates {
  const estimates = new Estimates(capacity);
  for (const each of successes) estimates.onSucceeded(keys(each), each.wallMs);
  return estimates;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function copyOf(estimates: Estimates): Estimates {
  const steps = Estimates.decode(Buffer.concat([...estimates.encode()]));
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

const allJobs = names.flatMap((name) => ["make", "make -j", "other"].map((script) => ({ name, script })));
const answers = (estimates: Estimates) => allJobs.map((job) => estimates.of(keys(job)));

describe("estimates", () => {
  it("are median and spread of the last fifteen durations of that job, to a tenth of a percent", () => {
    fc.assert(
      fc.property(fc.array(success, { maxLength: 80 }), (successes) => {
        const estimates = tableOf(successes);
        for (const job of allJobs) {
          const byName = successes.filter(({ name }) => name === job.name);
          const same = byName.filter(({ script }) => script === job.script);
          const last = (same.length > 0 ? same : byName).slice(-15).map(({ wallMs }) => wallMs);
          const estimate = estimates.of(keys(job));
          expect(estimate?.runs ?? 0).toBe(last.length);
          if (estimate === undefined) continue;
          const medianMs = medianOf(last);
          const tolerance = 1 + Math.max(...last) / 1000;
          expect(Math.abs(estimate.medianMs - medianMs)).toBeLessThan(tolerance);
          const spreadMs = medianOf(last.map((ms) => Math.abs(ms - medianMs)));
          expect(Math.abs(estimate.spreadMs - spreadMs)).toBeLessThan(2 * tolerance);
        }
      }),
    );
  });

  it("say the same when they are encoded and decoded", () => {
    fc.assert(
      fc.property(
        fc.array(success, { maxLength: 80 }),
        fc.integer({ min: 2, max: 20 }),
        (successes, capacity) => {
          const estimates = tableOf(successes, capacity);
          expect(answers(copyOf(estimates))).toEqual(answers(estimates));
        },
      ),
    );
  });

  it("of earlier leaders count as older than one's own", () => {
    fc.assert(
      fc.property(
        fc.array(success, { maxLength: 40 }),
        fc.array(success, { maxLength: 40 }),
        (earlier, later) => {
          const estimates = tableOf(later);
          estimates.takeOver(copyOf(tableOf(earlier)));
          expect(answers(estimates)).toEqual(answers(tableOf([...earlier, ...later])));
        },
      ),
    );
  });

  it("remember what succeeded last, however many others have before", () => {
    fc.assert(
      fc.property(fc.array(success, { maxLength: 80 }), success, (successes, last) => {
        const estimates = tableOf([...successes, last], 4);
        expect(estimates.of(keys(last))).toBeDefined();
        expect(Buffer.concat([...estimates.encode()]).length).toBeLessThanOrEqual(1 + 4 * (7 + 2 * 15));
      }),
    );
  });

  it("are refused when they are no table", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          [...Estimates.decode(Buffer.from(bytes))];
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

describe("the keys of a job", () => {
  it("differ by name, command and image, and by nothing else", () => {
    const job = { name: "a", run: { script: "make" } };
    const { definition } = keysOf(job);
    expect(keysOf({ ...job, image: "debian:12" }).definition).not.toBe(definition);
    expect(keysOf({ ...job, run: { argv: ["make"] } }).definition).not.toBe(definition);
    expect(keysOf({ ...job, name: "b" }).definition).not.toBe(definition);
    expect(keysOf({ ...job, run: { script: "make -j" } }).name).toBe(keysOf(job).name);
    expect(keysOf({ ...job })).toEqual(keysOf(job));
  });
});
