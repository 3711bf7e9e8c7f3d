import { describe, expect, it } from "vitest";
import {
  AttemptActor,
  type AttemptMessage,
  type AttemptNews,
  type Beginning,
} from "../../../agent/actors/attempt-actor.ts";
import type { AttemptTools, ShippedLog } from "../../../agent/actors/attempt-tools.ts";
import type { MarkedLog } from "../../../agent/core/log-marks.ts";
import type { Exit } from "../../../agent/runners/runner.ts";
import { type AttemptRecord, recordOf } from "../../../agent/workspaces/attempt-record.ts";
import type { Artifact } from "../../../shared/model/outcome.ts";
import { ActorWorld, gate } from "../../support/actor-world.ts";
import { jobRequest } from "./request.ts";
import { command, place, slowTools } from "./started-agent.ts";

const usage = { wallMs: 5, cpuMs: null, peakMemoryBytes: null };
const exited = (exitCode: number): Exit => ({ kind: "exited", exitCode, usage });
const artifact: Artifact = { digest: "a".repeat(64), files: 1, bytes: 1 };
const cancelled = { kind: "cancelled" } as const;
const anInput = { inputs: [{ job: "before", digest: "0".repeat(64) }] };

/** One attempt on a host that does at once what it is asked, and whose commands end when the test says so. */
class Scene {
  readonly world = new ActorWorld();
  /** What was done on the host, in order. */
  readonly did: string[] = [];
  readonly news: AttemptNews[] = [];
  readonly #node = this.world.node("agent");
  #end: (exit: Exit | Error) => void = () => undefined;
  #hasStopped = false;
  #attempt: ReturnType<typeof this.spawn> | undefined;

  async begin(
    fields: Parameters<typeof jobRequest>[0] = {},
    tools: Partial<AttemptTools> = {},
  ): Promise<void> {
    const request = jobRequest(fields);
    await this.#begin(recordOf(request, "b"), { kind: "requested", request }, tools);
  }

  /** Goes on with what an earlier process of the agent left. */
  async adopt(fields: Partial<AttemptRecord>, tools: Partial<AttemptTools> = {}): Promise<void> {
    const record = { ...recordOf(jobRequest(), "b"), ...fields };
    await this.#begin(record, { kind: "leftover", leftover: { record, place } }, tools);
  }

  async tell(message: AttemptMessage): Promise<void> {
    this.#attempt?.tell(message);
    await this.world.settle();
  }

  async end(exit: Exit | Error): Promise<void> {
    this.#end(exit);
    await this.world.settle();
  }

  advance(ms: number): Promise<void> {
    return this.world.clock.advance(ms);
  }

  get hasStopped(): boolean {
    return this.#hasStopped;
  }

  /** What its agent was told of its end. */
  get result() {
    const finished = this.news.filter((news) => news.kind === "finished");
    expect(finished.length).toBeLessThan(2);
    return finished[0]?.ended.result;
  }

  async #begin(record: AttemptRecord, beginning: Beginning, given: Partial<AttemptTools>): Promise<void> {
    const did = (what: string): Promise<void> => {
      this.did.push(what);
      return Promise.resolve();
    };
    const run = async () => {
      await did("launch");
      const exit = new Promise<Exit>((resolve, reject) => {
        this.#end = (how) => (how instanceof Error ? reject(how) : resolve(how));
      });
      return { exit, signal: did };
    };
    const tools: AttemptTools = {
      ...slowTools,
      workspaces: {
        ...slowTools.workspaces,
        launching: () => void did("note the launch"),
        ending: (_place, cause) => void did(`note that it is ${cause.kind}`),
      },
      artifacts: { upload: () => did("upload").then(() => artifact) },
      fetch: () => did("fetch"),
      launch: run,
      adopt: run,
      free: (_record, _place, _log, isFailure) => did(isFailure ? "free a failure" : "free"),
      ...given,
    };
    this.#attempt = this.spawn(record, beginning, tools);
    await this.world.settle();
  }

  private spawn(record: AttemptRecord, beginning: Beginning, tools: AttemptTools) {
    const tell = (news: AttemptNews): void => void this.news.push(news);
    const { system } = this.#node;
    const attempt = system.spawn("attempt", () => new AttemptActor("key", record, beginning, tools, tell), {
      supervision: { decide: () => "stop" },
    });
    system.spawn("watcher", () => ({
      started: (context) =>
        context.watch(attempt as never, ({ cause }) => {
          this.#hasStopped = cause === "stopped";
        }),
      receive: () => undefined,
    }));
    return attempt;
  }
}

describe("an attempt that is ended", () => {
  it("while its inputs come runs nothing, and counts as ended", async () => {
    const inputs = gate();
    const scene = new Scene();
    await scene.begin(anInput, { fetch: () => inputs.opened });
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    inputs.open();
    await scene.advance(5_000);
    expect(scene.did).toEqual(["note that it is cancelled"]);
    expect(scene.result?.outcome).toEqual(cancelled);
  });

  it("while its inputs come counts as ended, too, when they are given up for it", async () => {
    const scene = new Scene();
    const fetch: AttemptTools["fetch"] = (_request, _place, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("given up"))));
    await scene.begin(anInput, { fetch });
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    expect(scene.result?.outcome).toEqual(cancelled);
  });

  it("while it is being launched is signalled as soon as it runs", async () => {
    const launched = gate();
    const scene = new Scene();
    const signals: string[] = [];
    const signal = (name: string) => Promise.resolve(void signals.push(name));
    const execution = { exit: new Promise<never>(() => {}), signal };
    await scene.begin({}, { launch: () => launched.opened.then(() => execution) });
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    await scene.advance(500);
    expect(signals).toEqual([]);
    launched.open();
    await scene.advance(999);
    expect(signals).toEqual(["TERM"]);
    await scene.advance(1);
    expect(signals).toEqual(["TERM", "KILL"]);
  });

  it("has the reason on disk before it is signalled, and is killed after the grace", async () => {
    const scene = new Scene();
    await scene.begin();
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    await scene.advance(999);
    expect(scene.did).toEqual(["launch", "note that it is cancelled", "TERM"]);
    await scene.advance(1);
    expect(scene.did.at(-1)).toBe("KILL");
  });

  it("is signalled though the reason can't be written down", async () => {
    const scene = new Scene();
    const ending = () => {
      throw new Error("the disk is full");
    };
    await scene.begin({}, { workspaces: { ...slowTools.workspaces, ending } });
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    await scene.end({ kind: "signalled", signal: "SIGTERM", usage });
    expect(scene.did).toContain("TERM");
    expect(scene.result?.outcome).toEqual(cancelled);
  });

  it("again is killed sooner when there is more of a hurry, and keeps its first reason", async () => {
    const scene = new Scene();
    await scene.begin();
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 10_000 });
    await scene.tell({ kind: "end", cause: { kind: "lost", message: "stopped" }, graceMs: 1_000 });
    await scene.advance(1_000);
    expect(scene.did).toEqual(["launch", "note that it is cancelled", "TERM", "KILL"]);
    await scene.end({ kind: "signalled", signal: "SIGKILL", usage });
    expect(scene.result?.outcome).toEqual(cancelled);
  });

  it("counts as ended for that reason whatever its command makes of the signal, and nothing of it is stored", async () => {
    const scene = new Scene();
    await scene.begin({ spec: { outputs: ["*"] } });
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    await scene.end(exited(0));
    expect(scene.result).toMatchObject({ outcome: cancelled, artifact: null });
    expect(scene.did).not.toContain("upload");
  });

  it("keeps the result that it has when its command had ended before", async () => {
    const stored = gate();
    const scene = new Scene();
    const upload = () => stored.opened.then(() => artifact);
    await scene.begin({ spec: { outputs: ["*"] } }, { artifacts: { upload } });
    await scene.end(exited(0));
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    stored.open();
    await scene.advance(5_000);
    expect(scene.result).toMatchObject({ outcome: { kind: "succeeded" }, artifact });
    expect(scene.did).toEqual(["launch"]);
  });
});

describe("an attempt is lost", () => {
  const lost = { outcome: { kind: "lost" }, artifact: null };

  it("when there is no place for it, and leaves nothing to remove", async () => {
    const scene = new Scene();
    const take = () => {
      throw new Error("too many open files");
    };
    await scene.begin({}, { workspaces: { ...slowTools.workspaces, take } });
    expect(scene.result).toMatchObject(lost);
    await scene.tell({ kind: "free" });
    expect(scene.did).toEqual([]);
    expect(scene.hasStopped).toBe(true);
  });

  it("and not launched when that can't be written down: a successor would take it for one that never began", async () => {
    const scene = new Scene();
    const launching = () => {
      throw new Error("the disk is full");
    };
    await scene.begin(anInput, { workspaces: { ...slowTools.workspaces, launching } });
    expect(scene.did).toEqual(["fetch"]);
    expect(scene.result).toMatchObject(lost);
  });

  it("when nothing can be launched", async () => {
    const scene = new Scene();
    await scene.begin({}, { launch: () => Promise.reject(new Error("no shell")) });
    expect(scene.result).toMatchObject(lost);
  });

  it("when it can't be told how its command ended", async () => {
    const scene = new Scene();
    await scene.begin();
    await scene.end(new Error("nobody saw it"));
    expect(scene.result).toMatchObject(lost);
  });

  it("when it failed on a full disk, and not when it succeeded there", async () => {
    const failed = new Scene();
    await failed.begin({}, { isDiskFull: () => true });
    await failed.end(exited(1));
    expect(failed.result).toMatchObject(lost);
    const succeeded = new Scene();
    await succeeded.begin({}, { isDiskFull: () => true });
    await succeeded.end(exited(0));
    expect(succeeded.result?.outcome).toEqual({ kind: "succeeded" });
  });
});

describe("an attempt", () => {
  it("whose inputs do not come is not launched", async () => {
    const scene = new Scene();
    await scene.begin(anInput, { fetch: () => Promise.reject(new Error("it is damaged")) });
    expect(scene.did).toEqual([]);
    expect(scene.result?.outcome).toMatchObject({ kind: "failed", reason: "inputs" });
  });

  it("is written down as launched when its inputs are there, and before it is launched", async () => {
    const scene = new Scene();
    await scene.begin(anInput);
    expect(scene.did).toEqual(["fetch", "note the launch", "launch"]);
  });

  it("gives its slot to the next one when its command has ended, and its result when its outputs are stored", async () => {
    const stored = gate();
    const scene = new Scene();
    const upload = () => stored.opened.then(() => artifact);
    await scene.begin({ spec: { outputs: ["*"] } }, { artifacts: { upload } });
    expect(scene.news).toEqual([]);
    await scene.end(exited(0));
    expect(scene.news).toEqual([{ kind: "commandEnded", key: "key" }]);
    stored.open();
    await scene.world.settle();
    expect(scene.result).toMatchObject({ outcome: { kind: "succeeded" }, artifact });
  });

  it("that failed has its status, and no outputs", async () => {
    const scene = new Scene();
    await scene.begin({ spec: { outputs: ["*"] } });
    await scene.end(exited(2));
    expect(scene.result).toMatchObject({ outcome: { kind: "failed", exitCode: 2 }, artifact: null });
    expect(scene.did).toEqual(["launch"]);
  });

  it("fails when its outputs can't be stored", async () => {
    const scene = new Scene();
    const upload = () => Promise.reject(new Error("no such file"));
    await scene.begin({ spec: { outputs: ["*"] } }, { artifacts: { upload } });
    await scene.end(exited(0));
    expect(scene.result?.outcome).toMatchObject({ kind: "failed", reason: "badOutput" });
  });

  it("ships what its command has written last, and says how much it wrote in all", async () => {
    let shipped = 0;
    const ship = async () => {
      shipped += 1;
    };
    const log = { size: () => 0, isWhole: true, marks: undefined, close: () => 7, ship, stored: ship };
    const scene = new Scene();
    await scene.begin({}, { openLog: () => log });
    await scene.end(exited(0));
    expect(shipped).toBe(1);
    expect(scene.result).toMatchObject({ logBytes: 7 });
  });

  it.each([
    { exitCode: 0, freed: "free" },
    { exitCode: 1, freed: "free a failure" },
  ])("keeps its files until its report is settled: exit status $exitCode", async ({ exitCode, freed }) => {
    const scene = new Scene();
    await scene.begin();
    await scene.tell({ kind: "free" });
    await scene.end(exited(exitCode));
    await scene.advance(5_000);
    expect(scene.did).toEqual(["launch"]);
    expect(scene.hasStopped).toBe(false);
    await scene.tell({ kind: "free" });
    expect(scene.did).toEqual(["launch", freed]);
    expect(scene.hasStopped).toBe(true);
  });

  it("that was cancelled is no failure of which to keep files, and is not ended once more", async () => {
    const scene = new Scene();
    await scene.begin();
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    await scene.end({ kind: "signalled", signal: "SIGTERM", usage });
    await scene.tell({ kind: "end", cause: { kind: "lost", message: "stopped" }, graceMs: 1_000 });
    await scene.tell({ kind: "free" });
    expect(scene.did).toEqual(["launch", "note that it is cancelled", "TERM", "free"]);
  });

  it("is over though its files can't be removed", async () => {
    const scene = new Scene();
    await scene.begin({}, { free: () => Promise.reject(new Error("read-only")) });
    await scene.end(exited(0));
    await scene.tell({ kind: "free" });
    expect(scene.hasStopped).toBe(true);
  });
});

describe("a running attempt", () => {
  it.each([
    { hasEnded: false, outcome: { kind: "timeout", limit: "run", limitMs: 1_000 } },
    { hasEnded: true, outcome: { kind: "succeeded" } },
  ])("is ended by its limit, but not once its command has: $hasEnded", async ({ hasEnded, outcome }) => {
    const { execution, succeed } = command({ obeys: true });
    const scene = new Scene();
    const launch = () => Promise.resolve({ ...execution, hasEnded });
    await scene.begin({ spec: { timeouts: { runMs: 1_000 } } }, { launch });
    await scene.advance(2_000);
    succeed();
    await scene.world.settle();
    expect(scene.result?.outcome).toEqual(outcome);
  });

  it("has what it writes shipped while it runs", async () => {
    let shipped = 0;
    let bytes = 0;
    const ship = async () => {
      shipped += 1;
    };
    const log = {
      size: () => bytes,
      isWhole: true,
      marks: undefined,
      close: () => bytes,
      ship,
      stored: ship,
    };
    const scene = new Scene();
    await scene.begin({}, { openLog: () => log });
    await scene.advance(1_000);
    expect(shipped).toBe(0);
    bytes = 5;
    await scene.advance(1_000);
    expect(shipped).toBe(1);
  });

  it("says where it ran: a result of another kind of host is not taken for its own", async () => {
    const scene = new Scene();
    await scene.begin();
    await scene.end(exited(0));
    expect(scene.news).toMatchObject([{ ended: { ranOn: { host: slowTools.hostIdentity } } }]);
    const unseen = new Scene();
    await unseen.begin();
    await unseen.end({ kind: "unknown", message: "nobody saw it" });
    expect(unseen.news).not.toMatchObject([{ ended: { ranOn: {} } }]);
  });
});

describe("an attempt whose log has marks", () => {
  const marked = { spec: { marks: { verdict: "both" as const } } };
  const nothingSaid = { phase: null, percent: null, error: null, saysOk: false, readBytes: 0, line: null };

  /** The attempt, and what its log says. */
  async function withMarks() {
    const scene = new Scene();
    const said: MarkedLog = { ...nothingSaid };
    const read: number[] = [];
    const end = async (bytes: number) => {
      read.push(bytes);
    };
    const marks = { said, look: () => true, end } as unknown as ShippedLog["marks"];
    const none = () => Promise.resolve();
    const log = { size: () => 3, isWhole: true, marks, close: () => 3, ship: none, stored: none };
    await scene.begin(marked, { openLog: () => log });
    return { scene, said, read };
  }

  it("is judged by them when its whole log is read", async () => {
    const { scene, said, read } = await withMarks();
    said.error = "no such patch";
    await scene.end(exited(0));
    expect(read).toEqual([3]);
    expect(scene.result?.outcome).toMatchObject({ kind: "failed", reason: "badOutput" });
  });

  it("is not judged by them when it was ended", async () => {
    const { scene, said } = await withMarks();
    said.error = "no such patch";
    await scene.tell({ kind: "end", cause: cancelled, graceMs: 1_000 });
    await scene.end({ kind: "exited", exitCode: 1, usage });
    expect(scene.result?.outcome).toEqual(cancelled);
  });

  it("says so when it succeeded without a mark that says OK", async () => {
    const implicit = await withMarks();
    await implicit.scene.end(exited(0));
    expect(implicit.scene.news).toMatchObject([{ ended: { implicit: true } }]);
    const explicit = await withMarks();
    explicit.said.saysOk = true;
    await explicit.scene.end(exited(0));
    expect(explicit.scene.news).not.toMatchObject([{ ended: { implicit: true } }]);
  });

  it("tells how far it is once a second at most, only what is new, and once more in the end", async () => {
    const { scene, said } = await withMarks();
    const percents = () =>
      scene.news.flatMap((news) => (news.kind === "progress" ? [news.progress.percent] : []));
    for (let percent = 1; percent <= 20; percent++) {
      said.percent = percent;
      await scene.advance(100);
    }
    expect(percents().length).toBeGreaterThan(0);
    expect(percents().length).toBeLessThan(4);
    await scene.advance(5_000);
    const told = percents().length;
    await scene.advance(5_000);
    expect(percents()).toHaveLength(told);
    said.percent = 100;
    await scene.end(exited(0));
    expect(percents().at(-1)).toBe(100);
  });
});

describe("what an earlier process of the agent left", () => {
  it("is given back when nothing of it ever ran", async () => {
    const scene = new Scene();
    await scene.adopt({});
    await scene.end({ kind: "neverBegan" });
    expect(scene.news).toEqual([{ kind: "neverBegan", key: "key" }]);
    await scene.tell({ kind: "free" });
    expect(scene.did).toEqual(["launch", "free"]);
  });

  it("is not given back when it had been ended: it counts as that", async () => {
    const scene = new Scene();
    await scene.adopt({ ended: cancelled });
    await scene.end({ kind: "neverBegan" });
    expect(scene.news).toMatchObject([{ kind: "finished", ended: { result: { outcome: cancelled } } }]);
  });

  it("is ended when that had begun, and counts as ended for the reason of then", async () => {
    const scene = new Scene();
    await scene.adopt({ ended: { kind: "timeout", limit: "run", limitMs: 5 } });
    await scene.advance(slowTools.graceMs);
    expect(scene.did).toEqual(["launch", "TERM", "KILL"]);
    await scene.end(exited(0));
    expect(scene.result?.outcome).toEqual({ kind: "timeout", limit: "run", limitMs: 5 });
  });
});
