import { describe, expect, it } from "vitest";
import type { Offer, Requirement } from "../../../coordinator/core/requirement.ts";
import { Scheduler } from "../../../coordinator/core/scheduler.ts";

const plain: Requirement = {
  pool: "",
  labels: [],
  needsEngine: false,
  abilities: [],
  cpu: 0,
  memoryBytes: 0,
  avoids: [],
};

function offer(name: string, slots: number, more: Partial<Offer> = {}): Offer {
  return {
    name,
    incarnation: `${name}-1`,
    capacity: { slots, cpu: 4, memoryBytes: 1000 },
    labels: new Map(),
    pool: "",
    hasEngine: false,
    abilities: [],
    mode: "active",
    ...more,
  };
}

function request(scheduler: Scheduler, run: string, jobs: number, more: Partial<Requirement> = {}): void {
  for (let job = 0; job < jobs; job++) {
    scheduler.onRequested(run, { job, priority: 500, rank: 1 }, { ...plain, ...more });
  }
}

const placesOf = (grants: { run: string; job: number; agent: string }[]) =>
  grants.map(({ run, job, agent }) => `${run}/${job}@${agent}`);

describe("the scheduler", () => {
  it("fills free slots of all agents before any backlog", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 1));
    scheduler.onAgent(offer("b", 1));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 5);
    expect(placesOf(scheduler.plan())).toEqual(["r/0@a", "r/1@b", "r/2@a", "r/3@b"]);
    scheduler.onReleased("r", 0);
    expect(placesOf(scheduler.plan())).toEqual(["r/4@a"]);
  });

  it("goes by new ranks at once, for the jobs that have asked, too", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onAgent(offer("a", 5));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 4);
    scheduler.onRequested("r", { job: 4, priority: 900, rank: 1 }, plain);
    scheduler.onWithdrawn("r", 2);
    scheduler.onRanked("r", [10, 40, 50, 20, 0]);
    expect(placesOf(scheduler.plan())).toEqual(["r/4@a", "r/1@a", "r/3@a", "r/0@a"]);
    scheduler.onRanked("gone", [1]);
  });

  it("gives an agent no more than it can list in a message, however many slots it has", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 4_000));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 5_000);
    expect(scheduler.plan()).toHaveLength(3_000);
    expect(scheduler.recalls()).toEqual([]);
  });

  it("gives runs of one priority equal shares, so that a small later run is not starved", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onAgent(offer("a", 4));
    scheduler.onRunOpened("large", 1, 500);
    request(scheduler, "large", 1000);
    expect(scheduler.plan()).toHaveLength(4);
    scheduler.onRunOpened("small", 2, 500);
    request(scheduler, "small", 2);
    scheduler.onReleased("large", 0);
    scheduler.onReleased("large", 1);
    expect(placesOf(scheduler.plan())).toEqual(["small/0@a", "small/1@a"]);
  });

  it("serves a run of higher priority first and ties by submission", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onRunOpened("second", 2, 500);
    scheduler.onRunOpened("first", 1, 500);
    scheduler.onRunOpened("urgent", 3, 900);
    for (const run of ["second", "first", "urgent"]) request(scheduler, run, 1);
    scheduler.onAgent(offer("a", 3));
    expect(scheduler.plan().map((grant) => grant.run)).toEqual(["urgent", "first", "second"]);
  });

  it("takes turns by priority, then by what runs have, then by submission, in whatever order they came", () => {
    const winner = (runs: { name: string; order: number; priority: number; placed: number }[]) => {
      const scheduler = new Scheduler({ backlogPerSlot: 0 });
      scheduler.onAgent(offer("a", 10));
      for (const { name, order, priority, placed } of runs) {
        scheduler.onRunOpened(name, order, priority);
        for (let job = 0; job < placed; job++) scheduler.onAdopted(name, 10 + job, "a", plain);
        request(scheduler, name, 1);
      }
      return scheduler.plan(1)[0]?.run;
    };
    const first = { name: "first", order: 1, priority: 500, placed: 2 };
    for (const better of [{ priority: 501, placed: 3, order: 2 }, { placed: 1, order: 2 }, { order: 0 }]) {
      const other = { ...first, name: "other", ...better };
      expect([winner([first, other]), winner([other, first])]).toEqual(["other", "other"]);
    }
  });

  it("grants nothing to a run that is held, nor to any while it is paused, and no more than it is asked for", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onAgent(offer("a", 5));
    scheduler.onRunOpened("r", 1, 0);
    request(scheduler, "r", 4);
    expect(scheduler.plan()).toEqual([]);
    scheduler.onRunPriority("r", 500);
    scheduler.pauseReason = "the store is full";
    expect(scheduler.plan()).toEqual([]);
    scheduler.pauseReason = null;
    expect(scheduler.plan(3)).toHaveLength(3);
    expect(scheduler.plan()).toHaveLength(1);
  });

  it("takes a lease over once, and no request of a job that has one", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onAgent(offer("a", 3));
    scheduler.onRunOpened("r", 1, 500);
    for (let time = 0; time < 2; time++) scheduler.onAdopted("r", 0, "a", { ...plain, cpu: 2 });
    request(scheduler, "r", 2, { cpu: 2 });
    expect(placesOf(scheduler.plan())).toEqual(["r/1@a"]);
    expect(scheduler.load("a").placed).toBe(2);
  });

  it("gives a run as much as others when what it had has ended", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onAgent(offer("a", 2));
    scheduler.onRunOpened("r1", 1, 500);
    request(scheduler, "r1", 3);
    scheduler.plan();
    scheduler.onRunOpened("r2", 2, 500);
    scheduler.onAdopted("r2", 9, "a", plain);
    request(scheduler, "r2", 1);
    for (const job of [0, 1]) scheduler.onReleased("r1", job);
    expect(scheduler.plan(1)[0]?.run).toBe("r1");
  });

  it("takes the job of higher priority, then of the longer remaining path, then the earlier one", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onRunOpened("r", 1, 500);
    const entries = [
      { job: 0, priority: 500, rank: 1 },
      { job: 1, priority: 500, rank: 9 },
      { job: 2, priority: 501, rank: 1 },
      { job: 3, priority: 500, rank: 9 },
    ];
    for (const entry of entries) scheduler.onRequested("r", entry, plain);
    scheduler.onAgent(offer("a", 4));
    expect(scheduler.plan().map((grant) => grant.job)).toEqual([2, 1, 3, 0]);
  });

  it("lets no job that nobody can run stand in the way of others", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 1));
    scheduler.onRunOpened("r", 1, 500);
    scheduler.onRequested("r", { job: 0, priority: 1000, rank: 5 }, { ...plain, labels: [["gpu", "yes"]] });
    scheduler.onRequested("r", { job: 1, priority: 1, rank: 1 }, plain);
    expect(scheduler.plan().map((grant) => grant.job)).toEqual([1]);
    scheduler.onAgent(offer("b", 1, { labels: new Map([["gpu", "yes"]]) }));
    expect(placesOf(scheduler.plan())).toEqual(["r/0@b"]);
  });

  it("never gives an agent more than its resources, nor a job of another pool, nor anything when it is held", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 8));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 5, { cpu: 1.5 });
    expect(scheduler.plan()).toHaveLength(2);
    const pooled = new Scheduler();
    pooled.onAgent(offer("a", 8, { pool: "mine" }));
    pooled.onAgent(offer("b", 8, { mode: "held" }));
    pooled.onRunOpened("r", 1, 500);
    request(pooled, "r", 1);
    expect(pooled.plan()).toEqual([]);
  });

  it("recalls a job from a backlog when another agent idles, once", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 1));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 2);
    expect(scheduler.plan()).toHaveLength(2);
    expect(scheduler.recalls()).toEqual([]);
    scheduler.onAgent(offer("b", 1));
    scheduler.plan();
    expect(scheduler.recalls()).toEqual([{ run: "r", job: 1, agent: "a" }]);
    expect(scheduler.recalls()).toEqual([]);
    scheduler.onReleased("r", 1);
    scheduler.onRequested("r", { job: 1, priority: 500, rank: 1 }, plain);
    expect(placesOf(scheduler.plan())).toEqual(["r/1@b"]);
  });

  it("forgets all that waits of a run at once, and nothing of the others", () => {
    const scheduler = new Scheduler();
    for (const run of ["r", "s"]) {
      scheduler.onRunOpened(run, 1, 500);
      request(scheduler, run, 10);
    }
    scheduler.onAllWithdrawn("r");
    expect(scheduler.queuedCount).toBe(10);
    scheduler.onAgent(offer("a", 50));
    expect(new Set(scheduler.plan().map(({ run }) => run))).toEqual(new Set(["s"]));
  });

  it("keeps more short jobs at hand than long ones", () => {
    const backlogAfter = (ranMs: number): number => {
      const scheduler = new Scheduler();
      scheduler.onAgent(offer("a", 1));
      scheduler.onRunOpened("r", 1, 500);
      request(scheduler, "r", 400);
      scheduler.plan();
      scheduler.onReleased("r", 0, ranMs);
      scheduler.plan();
      return scheduler.load("a").placed - 1;
    };
    expect(backlogAfter(60_000)).toBe(1);
    expect(backlogAfter(40)).toBe(1);
    expect(backlogAfter(20)).toBe(2);
    expect(backlogAfter(5)).toBe(8);
    expect(backlogAfter(1)).toBe(40);
    expect(backlogAfter(0)).toBe(267);
  });

  it("knows the queued jobs that no agent could ever run", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 1));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 3);
    scheduler.onRequested("r", { job: 7, priority: 500, rank: 1 }, { ...plain, needsEngine: true });
    expect(scheduler.stranded().map(({ run, jobs }) => ({ run, jobs }))).toEqual([{ run: "r", jobs: [7] }]);
    scheduler.onAgent(offer("b", 1, { hasEngine: true }));
    expect(scheduler.stranded()).toEqual([]);
  });

  it("counts adopted leases against the slots of an agent it has not met yet", () => {
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onRunOpened("r", 1, 500);
    scheduler.onAdopted("r", 0, "a", plain);
    scheduler.onAgent(offer("a", 2));
    scheduler.onRequested("r", { job: 1, priority: 500, rank: 1 }, plain);
    scheduler.onRequested("r", { job: 2, priority: 500, rank: 1 }, plain);
    expect(scheduler.plan()).toHaveLength(1);
  });

  it("gives an agent that comes back no more than it has beside what was placed on it before", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 4));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 1, { cpu: 3, memoryBytes: 700 });
    expect(placesOf(scheduler.plan())).toEqual(["r/0@a"]);
    scheduler.onAgentGone("a");
    scheduler.onAgent(offer("a", 4));
    scheduler.onRequested("r", { job: 1, priority: 500, rank: 1 }, { ...plain, cpu: 2 });
    scheduler.onRequested("r", { job: 2, priority: 500, rank: 1 }, { ...plain, memoryBytes: 400 });
    expect(scheduler.plan()).toEqual([]);
    scheduler.onReleased("r", 0);
    expect(placesOf(scheduler.plan())).toEqual(["r/1@a", "r/2@a"]);
  });

  it("gives nothing to an agent that is gone and takes its places back one by one", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 1));
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 3);
    expect(scheduler.plan()).toHaveLength(2);
    scheduler.onAgentGone("a");
    expect(scheduler.plan()).toEqual([]);
    scheduler.onReleased("r", 0);
    scheduler.onReleased("r", 1);
    expect(scheduler.offers()).toEqual([]);
  });

  it("keeps a job away from an agent on which it has failed, while another one could run it", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("a", 2));
    scheduler.onAgent(offer("b", 1));
    scheduler.onRunOpened("r", 1, 500);
    scheduler.onAdopted("r", 9, "b", plain);
    request(scheduler, "r", 1, { avoids: ["a"] });
    // Not in the backlog of the other one either: that may take hours.
    expect(scheduler.plan()).toEqual([]);
    expect(scheduler.avoidedBy("r", 0)).toEqual(["a"]);
    scheduler.onReleased("r", 9);
    expect(placesOf(scheduler.plan())).toEqual(["r/0@b"]);
  });

  it("lets it go back there when no other agent is active or fits, or when it has waited long enough", () => {
    const others: Partial<Offer>[] = [{ mode: "held" }, { mode: "draining" }, { pool: "other" }];
    for (const other of others) {
      const scheduler = new Scheduler();
      scheduler.onAgent(offer("a", 1));
      scheduler.onAgent(offer("b", 1, other));
      scheduler.onRunOpened("r", 1, 500);
      request(scheduler, "r", 1, { avoids: ["a"] });
      expect(placesOf(scheduler.plan())).toEqual(["r/0@a"]);
    }
    const scheduler = new Scheduler({ backlogPerSlot: 0 });
    scheduler.onAgent(offer("a", 1));
    scheduler.onAgent(offer("b", 1));
    scheduler.onRunOpened("r", 1, 500);
    scheduler.onAdopted("r", 9, "b", plain);
    request(scheduler, "r", 1, { avoids: ["a"] });
    expect(scheduler.plan()).toEqual([]);
    scheduler.onAvoidanceOver("r", 0, { ...plain, avoids: ["a"] });
    expect(scheduler.avoidedBy("r", 0)).toEqual([]);
    expect(placesOf(scheduler.plan())).toEqual(["r/0@a"]);
    scheduler.onReleased("r", 0);
    scheduler.onAvoidanceOver("r", 0, { ...plain, avoids: ["a"] });
    expect(scheduler.plan()).toEqual([]);
  });

  it("does not recall a job to an agent on which it has failed", () => {
    const scheduler = new Scheduler();
    scheduler.onAgent(offer("b", 1));
    scheduler.onRunOpened("r", 1, 500);
    scheduler.onAdopted("r", 8, "b", plain);
    scheduler.onAdopted("r", 9, "b", { ...plain, avoids: ["a"] });
    scheduler.onAgent(offer("a", 1));
    expect(scheduler.recalls()).toEqual([{ run: "r", job: 8, agent: "b" }]);
  });

  it("tells the place of a job in its run's queue", () => {
    const scheduler = new Scheduler();
    scheduler.onRunOpened("r", 1, 500);
    request(scheduler, "r", 3);
    expect(scheduler.queuePosition("r", 2)).toEqual({ position: 3, length: 3 });
    scheduler.onWithdrawn("r", 0);
    expect(scheduler.queuePosition("r", 2)).toEqual({ position: 2, length: 2 });
    expect(scheduler.queuePosition("r", 0)).toBeUndefined();
  });
});
