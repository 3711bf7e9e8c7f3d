import { describe, expect, it } from "vitest";
import { reconcileLeases } from "../../../coordinator/core/lease-reconciliation.ts";
import * as decide from "../../../coordinator/core/run-decide.ts";
import { HELD_REASON, liveAttempt } from "../../../coordinator/core/run-state.ts";
import type { HeldAttempt } from "../../../shared/model/messages.ts";
import { RunDriver } from "../../support/run-driver.ts";

/** A run with one job on `host`, and what its agent holds then. */
function oneJob(phase: HeldAttempt["phase"] = "running"): { run: RunDriver; held: HeldAttempt } {
  const run = new RunDriver({ a: {}, b: {} });
  run.grant("a");
  const job = run.state.jobs[0];
  const lease = (job === undefined ? undefined : liveAttempt(job)?.lease) ?? "";
  return { run, held: { run: "r1", job: 0, attempt: 1, lease, phase } };
}

const resync = (run: RunDriver, incarnation: string, held: HeldAttempt[]) =>
  reconcileLeases(run.state, { name: "host", incarnation, held }, run.now, 0.5);

describe("an agent that says what it holds", () => {
  it("keeps a lease in force, also under another incarnation, which has adopted it", () => {
    for (const incarnation of ["host-1", "host-2"]) {
      const { run, held } = oneJob();
      expect(resync(run, incarnation, [held])).toEqual({ records: [], orders: [] });
    }
  });

  it("gets a lease that it does not know again under the same incarnation, and has lost it under another", () => {
    const { run } = oneJob();
    const same = resync(run, "host-1", []);
    expect(same).toMatchObject({ records: [], orders: [{ kind: "start", request: { job: 0, attempt: 1 } }] });
    const other = resync(run, "host-2", []);
    expect(other).toMatchObject({
      records: [{ type: "finished", job: 0, result: { outcome: { kind: "lost" } } }],
      orders: [],
    });
  });

  it("has not begun what it does not know after a restart with the same records, which counts as no loss", () => {
    const run = new RunDriver({ a: {} });
    run.grant("a", "host", "disk1.start1");
    expect(resync(run, "disk1.start2", [])).toMatchObject({
      records: [{ type: "returned", job: 0, reason: expect.stringContaining("restarted") }],
      orders: [],
    });
    expect(resync(run, "disk2.start2", [])).toMatchObject({ records: [{ type: "finished" }] });
  });

  it("is told to end an attempt whose lease is not in force, and to forget one that has finished", () => {
    for (const [phase, kind] of [
      ["queued", "cancel"],
      ["running", "cancel"],
      ["finished", "settle"],
    ] as const) {
      const { run, held } = oneJob(phase);
      run.finish("a");
      expect(resync(run, "host-1", [held])).toMatchObject({ records: [], orders: [{ kind, job: 0 }] });
      const forged = { ...held, job: 1, lease: "forged" };
      expect(resync(run, "host-1", [forged]).orders).toMatchObject([{ kind, job: 1 }]);
    }
  });

  it("is told again to end what was cancelled or is held, whether it knows of it or not", () => {
    const asked = (job: number | null) => (run: RunDriver) =>
      run.record(decide.onCancelRequested(run.state, { job, by: "", reason: "no" }, run.now));
    const hold = (job: number | null) => (run: RunDriver) =>
      run.record(decide.onPriorityRequested(run.state, { job, priority: 0 }, run.now));
    const ways = [
      { end: asked(0), reason: "no" },
      { end: asked(null), reason: "no" },
      { end: hold(0), reason: HELD_REASON },
      { end: hold(null), reason: HELD_REASON },
    ];
    for (const { end, reason } of ways) {
      const { run, held } = oneJob();
      end(run);
      const order = { kind: "cancel", job: 0, attempt: 1, lease: held.lease, reason };
      const cancel = { records: [], orders: [order] };
      expect(resync(run, "host-1", [held])).toMatchObject(cancel);
      expect(resync(run, "host-1", [])).toMatchObject(cancel);
      expect(resync(run, "host-1", [{ ...held, phase: "finished" }]).orders).toEqual([]);
    }
  });

  it("says nothing of leases that other agents have", () => {
    const { run } = oneJob();
    run.grant("b", "elsewhere");
    expect(resync(run, "host-2", []).records).toHaveLength(1);
  });
});
