import { describe, expect, it } from "vitest";
import type { Entry } from "../../../coordinator/journal/journal.ts";
import { StreamJournal } from "../../../coordinator/journal/stream-journal.ts";
import type { Verb } from "../../../shared/model/api.ts";
import { runOptionsSchema } from "../../../shared/model/api.ts";
import { graphSpecSchema } from "../../../shared/model/job-spec.ts";
import { CoordinatorNode } from "../../sim/coordinator-node.ts";
import { World } from "../../sim/world.ts";
import { jobsOf } from "../../support/run-driver.ts";

interface Reply {
  readonly result: {
    readonly runs: readonly { readonly run: string }[];
    readonly node: string;
    readonly epoch: number;
    readonly standbys: readonly { readonly node: string; readonly lagEntries: number }[];
    readonly repeated: boolean;
    readonly cancelled: boolean;
    readonly status: string;
    readonly jobs: number;
  };
}

/** Coordinators without agents, over the simulated bus and streams. */
class Coordinators {
  readonly world: World;

  constructor(seed = 1) {
    const report = (promise: string, node: string, what: string): void => {
      throw new Error(`${promise}: ${node}: ${what}`);
    };
    this.world = new World({ seed, isTraced: false, report, onPublished: () => undefined });
  }

  async start(name: string, Journal = StreamJournal): Promise<CoordinatorNode> {
    const node = new CoordinatorNode(this.world, name, Journal);
    node.start();
    await this.world.clock.advance(1_500);
    return node;
  }

  /** Asks, and lets time pass until there is an answer. */
  async ask(
    node: CoordinatorNode,
    verb: Verb,
    request: object = {},
    limitMs = 60_000,
  ): Promise<Reply["result"]> {
    const asked = node.ask(verb, request) as Promise<Reply>;
    return (await this.answerTo(asked, limitMs)).result;
  }

  async answerTo<T>(asked: Promise<T>, limitMs = 60_000): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    asked.then(over, over);
    await this.world.clock.runUntil(() => isOver, limitMs);
    if (!isOver) throw new Error(`no answer within ${limitMs} ms`);
    return asked;
  }

  /** The server loses power, and with it what was stored behind a sequence; it comes back to a coordinator. */
  cutPower(node: CoordinatorNode, keptSeq: number): void {
    node.node?.disconnect();
    this.world.journal.losePower(keptSeq);
    node.node?.reconnect();
  }

  async epochs(run: string): Promise<number[]> {
    return this.world.journal.recordsOf(this.world.subjects.journal(run)).map(({ epoch }) => epoch);
  }
}

const submission = (run: string) => ({
  run,
  graph: { inline: { jobs: jobsOf({ a: {}, b: { needs: ["a"] } }) } },
});
const names = ({ runs }: Reply["result"]): string[] => runs.map(({ run }) => run).sort();

/** A standby that follows by it can't read its first run. */
class UnreadableOnce extends StreamJournal {
  #left = 1;

  override read(run: string, afterSeq?: number): AsyncIterable<Entry> {
    if (this.#left-- > 0) throw new Error("unreadable");
    return super.read(run, afterSeq);
  }
}

describe("the coordinators of a namespace", () => {
  it("have a leader at once, and a standby in each one that starts later", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const { node, epoch } = await place.ask(first, "status");
    expect(node).toMatch(/^first-/);
    const second = await place.start("second");
    const status = await place.ask(second, "status");
    expect(status).toMatchObject({ node, epoch });
    expect(status.standbys).toEqual([{ node: expect.stringMatching(/^second-/), lagEntries: 0 }]);
  });

  it("do not depose one another by starting at about the same time", async () => {
    for (let afterMs = 0; afterMs < 40; afterMs++) {
      const place = new Coordinators(afterMs + 1);
      const first = new CoordinatorNode(place.world, "first");
      first.start();
      await place.world.clock.advance(afterMs);
      new CoordinatorNode(place.world, "second").start();
      await place.world.clock.advance(10_000);
      expect(await place.ask(first, "status")).toMatchObject({ epoch: 1, standbys: [{}] });
    }
  });

  it("do what is asked whichever is asked, and tell of it at once whichever is asked", async () => {
    const place = new Coordinators();
    const both = [await place.start("first"), await place.start("second")];
    const known: string[] = [];
    for (let count = 0; count < 20; count++) {
      const run = `r${count}`;
      const [one, other] = count % 2 === 0 ? both : [...both].reverse();
      if (one === undefined || other === undefined) throw new Error("two were started");
      expect(await place.ask(one, "submit", submission(run))).toMatchObject({ run, repeated: false });
      known.push(run);
      expect(names(await place.ask(other, "runs"))).toEqual([...known].sort());
      expect(await place.ask(other, "run", { run })).toMatchObject({ run, status: "running" });
      await place.ask(one, "cancel", { run });
      expect(await place.ask(other, "run", { run })).toMatchObject({ status: "cancelled" });
      expect(await place.ask(other, "jobs", { run })).toMatchObject({ total: 2 });
    }
  });

  it("tell of a run though nobody leads, and when it will end by the one that leads alone", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const second = await place.start("second");
    await place.ask(first, "submit", submission("r1"));
    first.crash();
    const { clock } = place.world;
    const beganMs = clock.monotonicMs();
    await place.ask(second, "run", { run: "r1" }, 1_000);
    const forecast = await place.ask(second, "run", { run: "r1", forecast: true });
    expect(forecast).toMatchObject({ run: "r1", status: "running" });
    expect(clock.monotonicMs() - beganMs).toBeGreaterThan(2_000);
    expect(await place.ask(second, "status")).toMatchObject({ epoch: 2 });
  });

  it("refuse alike whichever is asked", async () => {
    const place = new Coordinators();
    for (const node of [await place.start("first"), await place.start("second")]) {
      await expect(place.ask(node, "run", { run: "none" })).rejects.toMatchObject({ code: "notFound" });
      await expect(place.ask(node, "cancel", { run: "none" })).rejects.toMatchObject({ code: "notFound" });
      await expect(place.ask(node, "submit", { run: "x" })).rejects.toMatchObject({ code: "badInput" });
    }
  });

  it("answer a cancel that was sent when nobody led", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const second = await place.start("second");
    await place.ask(first, "submit", submission("r1"));
    first.crash();
    const reply = await place.ask(second, "cancel", { run: "r1" }, 8_000);
    expect(reply).toMatchObject({ cancelled: true, status: "cancelled" });
    expect(await place.ask(second, "status")).toMatchObject({ epoch: 2 });
    expect(await place.epochs("r1")).toEqual([1, 2, 2]);
  });

  it("change the leader within a second when it is stopped in order", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const second = await place.start("second");
    first.stop();
    await place.world.clock.advance(1_000);
    expect(await place.ask(second, "status", {}, 100)).toMatchObject({ epoch: 2 });
  });

  it.each(["timer", "arrival"] as const)(
    "let no leader that was paused answer from what it knew, its %ss first",
    async (first) => {
      const place = new Coordinators();
      const old = await place.start("old");
      const next = await place.start("next");
      await place.ask(old, "submit", submission("r1"));
      old.node?.process.pause();
      const reads = [old.ask("runs", {}), old.ask("run", { run: "r1" })] as Promise<Reply>[];
      await place.world.clock.advance(5_000);
      await place.ask(next, "submit", submission("r2"));
      await place.ask(next, "cancel", { run: "r1" });
      old.node?.process.resume(first);
      const [runs, run] = await place.answerTo(Promise.all(reads));
      expect(names(runs?.result ?? ({ runs: [] } as never))).toEqual(["r1", "r2"]);
      expect(run?.result.status).toBe("cancelled");
      await place.world.clock.advance(2_000);
      const status = await place.ask(next, "status");
      expect(status).toMatchObject({ epoch: 2, node: expect.stringMatching(/^next-/) });
      expect(status.standbys).toHaveLength(1);
    },
  );

  it("go on with one epoch when a leader was paused for less than the silence of a takeover", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    await place.start("second");
    first.node?.process.pause();
    await place.world.clock.advance(2_500);
    first.node?.process.resume("timer");
    await place.world.clock.advance(10_000);
    expect(await place.ask(first, "status")).toMatchObject({
      epoch: 1,
      node: expect.stringMatching(/^first-/),
    });
  });

  it("begin a new term when a power cut has taken what they had stored, also if nobody dies", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    await place.ask(first, "submit", submission("r1"));
    const keptSeq = place.world.journal.lastSeq;
    await place.ask(first, "submit", submission("r2"));
    await place.ask(first, "cancel", { run: "r1" });
    place.cutPower(first, keptSeq);
    await place.world.clock.advance(2_000);
    expect(await place.ask(first, "status")).toMatchObject({ epoch: 2 });
    expect(names(await place.ask(first, "runs"))).toEqual(["r1"]);
    expect(await place.ask(first, "run", { run: "r1" })).toMatchObject({ status: "running" });
    expect(await place.ask(first, "cancel", { run: "r1" })).toMatchObject({ cancelled: true });
  });

  it("claim an epoch above their own when a power cut has taken their claim", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const second = await place.start("second");
    await place.ask(first, "submit", submission("r1"));
    place.cutPower(first, 0);
    await place.world.clock.advance(10_000);
    const status = await place.ask(second, "status");
    expect(status.epoch).toBeGreaterThan(1);
    expect(names(await place.ask(second, "runs"))).toEqual([]);
    expect(status.standbys).toHaveLength(1);
  });

  it("claim an epoch above one that an agent has obeyed, when no claim tells of it", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const { world } = place;
    const agent = world.startNode("agent");
    const sender = { v: 1, agent: "a", incarnation: "a.1", epoch: 41, ordersSeen: 3 };
    const bye = { ...sender, reason: "stopped" };
    agent.system.spawn("agent", () => ({
      started: (context) => context.publish(world.subjects.fromAgent("a", "bye"), agent.codec.encode(bye)),
      receive: () => undefined,
    }));
    await world.clock.advance(1_000);
    expect(await place.ask(first, "status")).toMatchObject({ epoch: 42 });
  });

  it("take up a submission that an earlier leader stored without a word", async () => {
    const place = new Coordinators();
    await place.start("first");
    const leader = await place.start("second");
    const { world } = place;
    const outsider = world.startNode("outsider");
    const journal = new StreamJournal(outsider.connect(world.journal), world.subjects);
    const spec = graphSpecSchema.parse({ jobs: jobsOf({ a: {} }) });
    const submitted = {
      type: "submitted",
      at: 1,
      name: null,
      graph: { inline: spec },
      jobs: 1,
      options: runOptionsSchema.parse({}),
    };
    // As one that was deposed meanwhile: epoch 0.
    const payload = outsider.codec.encode([submitted]);
    const append = { run: "r1", epoch: 0, batch: "b", expectedSeq: 0, payload };
    await place.answerTo(journal.append(append));
    const request = { run: "r1", graph: { inline: { jobs: jobsOf({ a: {} }) } } };
    expect(await place.ask(leader, "submit", request)).toEqual({ run: "r1", jobs: 1, repeated: true });
    expect(await place.ask(leader, "run", { run: "r1" })).toMatchObject({ status: "running" });
    expect(await place.epochs("r1")).toEqual([0, 1]);
  });

  it("lead though the journal refused at first to say how far it goes", async () => {
    let left = 1;
    class Stumbling extends StreamJournal {
      override lastSeq(): Promise<number> {
        return left-- > 0 ? Promise.reject(new Error("refused")) : super.lastSeq();
      }
    }
    const place = new Coordinators();
    const only = await place.start("only", Stumbling);
    await place.world.clock.advance(1_500);
    expect(await place.ask(only, "status", {}, 100)).toMatchObject({ epoch: 1 });
    expect(await place.ask(only, "submit", submission("r1"))).toMatchObject({ repeated: false });
  });

  it("give up an answer that the journal does not confirm in time, and tell their status meanwhile", async () => {
    const place = new Coordinators();
    const only = await place.start("only");
    for (const connection of only.node?.connections ?? []) connection.cut();
    const reading = place.ask(only, "runs", {}, 130_000);
    await expect(reading).rejects.toMatchObject({ code: "timeout" });
    expect(await place.ask(only, "status", {}, 2_000)).toMatchObject({ epoch: 1 });
  });

  it("leave a listing to the leader when they can't read one of the runs", async () => {
    const place = new Coordinators();
    const first = await place.start("first");
    const second = await place.start("second", UnreadableOnce);
    await place.ask(first, "submit", submission("r1"));
    await place.ask(first, "submit", submission("r2"));
    expect(names(await place.ask(second, "runs"))).toEqual(["r1", "r2"]);
  });
});
