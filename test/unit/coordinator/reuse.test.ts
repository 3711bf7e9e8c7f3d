import { describe, expect, it } from "vitest";
import type { Reply } from "../../../coordinator/actors/messages.ts";
import type { ApiRequest, ApiResult, Explanation, JobView } from "../../../shared/model/api.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { type Answer, CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import { failed, jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";

type Options = ApiRequest<"submit">["options"];

/** `top` needs `left` and `right`, which need `base`. */
const diamond: Sketch = {
  base: { reuse: true, sources: "1".repeat(64) },
  left: { reuse: true, needs: ["base"] },
  right: { reuse: true, needs: ["base"] },
  top: { reuse: true, needs: ["left", "right"] },
};
const changed = { ...diamond, base: { reuse: true, sources: "2".repeat(64) } };

/** What a job makes: of its name alone, so that other inputs come out the same. */
const byName = ({ spec }: JobRequest) => {
  const digest = Buffer.from(spec.name).toString("hex").padStart(64, "0");
  return { digest, files: 1, bytes: 1 };
};
/** What a job makes of its sources, too. */
const bySources = (request: JobRequest) => {
  const { digest } = byName(request);
  return { digest: `${request.spec.sources?.[0] ?? "0"}${digest.slice(1)}`, files: 1, bytes: 1 };
};

class ReuseScene {
  readonly world = new CoordinatorWorld();
  readonly agent: SimulatedAgent;

  constructor(outcome: (request: JobRequest) => Answer = () => succeeded) {
    this.agent = new SimulatedAgent(this.world, "one", outcome);
    this.agent.artifactOf = byName;
  }

  static async open(outcome?: (request: JobRequest) => Answer): Promise<ReuseScene> {
    const scene = new ReuseScene(outcome);
    await scene.world.startCoordinator();
    // Its hello has to be known: whoever knows no agent waits for one.
    await scene.world.clock.advance(5_000);
    return scene;
  }

  submit(run: string, sketch: Sketch, options: Options = {}): Promise<Reply> {
    return this.world.call("submit", { run, graph: { inline: { jobs: jobsOf(sketch) } }, options });
  }

  async finished(run: string): Promise<void> {
    await this.world.clock.runUntil(() => this.typesOf(run).includes("run.finished"));
  }

  async run(run: string, sketch: Sketch, options: Options = {}): Promise<void> {
    await this.submit(run, sketch, options);
    await this.finished(run);
  }

  executed(run: string): string[] {
    return this.agent.started.filter((request) => request.run === run).map(({ spec }) => spec.name);
  }

  startOf(run: string, job: string): JobRequest {
    const found = this.agent.started.find((request) => request.run === run && request.spec.name === job);
    if (found === undefined) throw new Error(`${job} of ${run} has not started`);
    return found;
  }

  typesOf(run: string): string[] {
    return this.world.events(run).map(({ type }) => type);
  }

  eventsOf<T extends RunEvent["type"]>(run: string, type: T): Extract<RunEvent, { type: T }>[] {
    return this.world
      .events(run)
      .filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
  }

  async explained(run: string, job: string): Promise<string[]> {
    const reply = await this.world.call("explain", { run, job });
    if (!reply.ok) throw new Error(reply.message);
    return (reply.result as Explanation).reasons.map(({ message }) => message);
  }

  async view(run: string, job: string): Promise<JobView> {
    const reply = await this.world.call("jobs", { run, job });
    if (!reply.ok) throw new Error(reply.message);
    const [view] = (reply.result as { jobs: JobView[] }).jobs;
    if (view === undefined) throw new Error(`there is no job ${job}`);
    return view;
  }
}

describe("a run that is submitted again", () => {
  it("executes nothing, and has the same artifacts", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    await scene.run("r2", diamond);
    expect(scene.executed("r1").sort()).toEqual(["base", "left", "right", "top"]);
    expect(scene.executed("r2")).toEqual([]);
    const from = { run: "r1", job: "top", attempt: 1, agent: "one" };
    expect(await scene.view("r2", "top")).toMatchObject({ phase: "succeeded", reusedFrom: from });
    expect((await scene.view("r2", "top")).artifact).toEqual((await scene.view("r1", "top")).artifact);
    expect(await scene.world.view("r2")).toMatchObject({ status: "succeeded", reused: 4 });
    expect(scene.eventsOf("r2", "run.finished")).toMatchObject([{ reused: 4 }]);
    expect(scene.eventsOf("r2", "job.reused")).toHaveLength(4);
    expect(await scene.explained("r2", "base")).toEqual([
      "reused: an equal job succeeded in run r1 with attempt 1 on one",
    ]);
  });

  it("does so under another leader, and after the end of the first one's memory", async () => {
    const scene = new ReuseScene();
    const first = await scene.world.startCoordinator();
    await scene.world.clock.advance(5_000);
    await scene.run("r1", diamond);
    await scene.world.clock.advance(1_000);
    first.crash();
    await scene.world.startCoordinator();
    await scene.run("r2", diamond);
    expect(scene.executed("r2")).toEqual([]);
  });

  it("executes all of it when it is told to, and remembers that", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    await scene.run("r2", diamond, { reuse: false });
    expect(scene.executed("r2")).toHaveLength(4);
    expect(await scene.explained("r2", "top")).toContain("not reused: the run was submitted with --no-reuse");
    await scene.run("r3", diamond);
    expect(scene.eventsOf("r3", "job.reused").map(({ from }) => from.run)).toEqual(["r2", "r2", "r2", "r2"]);
  });

  it("executes what does not allow it, and what it makes decides for the rest", async () => {
    const scene = await ReuseScene.open();
    const sketch: Sketch = { ...diamond, left: { needs: ["base"] } };
    await scene.run("r1", sketch);
    await scene.run("r2", sketch);
    expect(scene.executed("r2")).toEqual(["left"]);
  });
});

describe("a changed source", () => {
  it("runs that job alone when it comes out the same, and tells why it is enough", async () => {
    const scene = await ReuseScene.open();
    scene.world.reuse.files.set(
      "1".repeat(64),
      new Map([
        ["main.c", "a"],
        ["util.c", "b"],
      ]),
    );
    scene.world.reuse.files.set(
      "2".repeat(64),
      new Map([
        ["main.c", "c"],
        ["util.c", "b"],
      ]),
    );
    await scene.run("r1", diamond);
    await scene.run("r2", changed);
    expect(scene.executed("r2")).toEqual(["base"]);
    expect(await scene.explained("r2", "base")).toContain(
      "not reused: since run r1 a source file differs: main.c",
    );
    expect(await scene.explained("r2", "top")).toEqual([
      "reused: an equal job succeeded in run r1 with attempt 1 on one; base ran again, and its inputs came out the same",
    ]);
    expect(scene.eventsOf("r2", "job.reused").map(({ cutoff }) => cutoff)).toEqual([true, true, true]);
  });

  it("runs all above it when it comes out otherwise", async () => {
    const scene = await ReuseScene.open();
    scene.agent.artifactOf = bySources;
    await scene.run("r1", diamond);
    await scene.run("r2", changed);
    // What these two make is the same again.
    expect(scene.executed("r2").sort()).toEqual(["base", "left", "right"]);
    expect(await scene.explained("r2", "left")).toContain("not reused: since run r1 what base made differs");
  });

  it("runs all above it without the cutoff, and nothing the next time", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    await scene.run("r2", diamond, { cutoff: false });
    expect(scene.executed("r2")).toEqual([]);
    await scene.run("r3", changed);
    await scene.run("r4", changed, { cutoff: false });
    // Nothing was made of the changed source above it so far.
    expect(scene.executed("r4").sort()).toEqual(["left", "right", "top"]);
    expect(await scene.explained("r4", "left")).toContain(
      "not reused: it is as in run r1, but not all that lies below it is",
    );
    await scene.run("r5", changed, { cutoff: false });
    expect(scene.executed("r5")).toEqual([]);
  });
});

describe("an artifact that is gone", () => {
  it("is made again, and that is told", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", { base: { reuse: true } });
    const { artifact } = await scene.view("r1", "base");
    scene.world.reuse.gone.add(artifact?.digest ?? "");
    await scene.run("r2", { base: { reuse: true } });
    expect(scene.executed("r2")).toEqual(["base"]);
    expect((await scene.explained("r2", "base")).join()).toContain("is gone");
  });
});

describe("an equal job that runs", () => {
  const alone: Sketch = { base: { reuse: true } };

  it("is joined, and its result taken", async () => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    expect(scene.executed("r2")).toEqual([]);
    expect(await scene.explained("r2", "base")).toEqual(["waits for base of run r1: it is equal, and runs"]);
    expect(scene.eventsOf("r2", "job.joined")).toMatchObject([{ with: { run: "r1", job: "base" } }]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    expect(scene.executed("r2")).toEqual([]);
    expect(scene.typesOf("r2")).toContain("job.reused");
  });

  it.each([
    ["fails", async (scene: ReuseScene) => scene.agent.finish(scene.startOf("r1", "base"), failed)],
    [
      "is cancelled",
      async (scene: ReuseScene) => {
        await scene.world.call("cancel", { run: "r1" });
        scene.agent.finish(scene.startOf("r1", "base"), { kind: "cancelled" });
      },
    ],
    ["is held", (scene: ReuseScene) => scene.world.call("priority", { run: "r1", priority: 0 })],
    [
      "is held with its job",
      (scene: ReuseScene) => scene.world.call("priority", { run: "r1", job: "base", priority: 0 }),
    ],
  ])("is run by who has joined it when it %s", async (_, end) => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    await scene.submit("r3", alone);
    await end(scene);
    await scene.world.clock.runUntil(() => scene.executed("r2").length + scene.executed("r3").length > 0);
    await scene.world.clock.advance(3_000);
    expect(scene.executed("r2").length + scene.executed("r3").length).toBe(1);
  });

  it("is joined under the next leader, too", async () => {
    const scene = new ReuseScene(() => undefined);
    const first = await scene.world.startCoordinator();
    await scene.world.clock.advance(5_000);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    first.crash();
    await scene.world.startCoordinator();
    await scene.submit("r3", alone);
    await scene.world.clock.advance(10_000);
    expect([...scene.executed("r2"), ...scene.executed("r3")]).toEqual([]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    await scene.finished("r3");
    expect([...scene.executed("r2"), ...scene.executed("r3")]).toEqual([]);
  });

  it("is looked for again by one that was held while it waited", async () => {
    const scene = await ReuseScene.open(({ run }) => (run === "r1" ? undefined : succeeded));
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    await scene.world.call("priority", { run: "r2", priority: 0 });
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r1");
    expect(scene.typesOf("r2")).not.toContain("job.reused");
    await scene.world.call("priority", { run: "r2", priority: 500 });
    await scene.finished("r2");
    expect(scene.executed("r2")).toEqual([]);
  });

  it("is known to the next leader before anybody is told that none is there", async () => {
    const scene = new ReuseScene(() => undefined);
    const first = await scene.world.startCoordinator();
    await scene.world.clock.advance(5_000);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    first.crash();
    // The run that runs it is the last one to be taken over.
    await scene.world.startCoordinator((journal) => {
      const append = journal.append.bind(journal);
      journal.append = async (entry) => {
        const isLate = entry.run === "r1";
        if (isLate) await new Promise<void>((resolve) => scene.world.clock.schedule(5_000, () => resolve()));
        return await append(entry);
      };
      return journal;
    });
    await scene.world.clock.advance(15_000);
    expect(scene.executed("r2")).toEqual([]);
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r2");
    expect(scene.executed("r2")).toEqual([]);
  });

  it("is joined by one that was held before it got a slot", async () => {
    const scene = await ReuseScene.open(() => undefined);
    const filling = ["a", "b", "c", "d"];
    await scene.submit("r0", Object.fromEntries(filling.map((name) => [name, {}])));
    await scene.submit("r1", alone);
    await scene.world.call("priority", { run: "r1", priority: 0 });
    await scene.submit("r2", alone);
    await scene.world.call("priority", { run: "r1", priority: 900 });
    expect(await scene.explained("r1", "base")).toEqual(["waits for base of run r2: it is equal, and runs"]);
    for (const name of scene.executed("r0")) scene.agent.finish(scene.startOf("r0", name));
    await scene.world.clock.runUntil(() => scene.executed("r2").length > 0);
    scene.agent.finish(scene.startOf("r2", "base"));
    await scene.finished("r1");
    expect(scene.executed("r1")).toEqual([]);
  });

  it("is not waited for by one that is cancelled", async () => {
    const scene = await ReuseScene.open(() => undefined);
    await scene.submit("r1", alone);
    await scene.submit("r2", alone);
    await scene.world.call("cancel", { run: "r2", job: "base" });
    await scene.finished("r2");
    expect(await scene.view("r2", "base")).toMatchObject({ phase: "cancelled" });
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r1");
  });

  it("is joined within a run, too, but not by one that sees another name", async () => {
    const scene = await ReuseScene.open(() => undefined);
    const inPackage = { reuse: true, layout: "package" } as const;
    const inWorkspace = { reuse: true, env: [["A", "1"]] as [string, string][] };
    await scene.submit("r1", { one: inPackage, two: inPackage });
    await scene.submit("r2", { one: inWorkspace, two: inWorkspace });
    expect(scene.executed("r1")).toHaveLength(1);
    scene.agent.finish(scene.startOf("r1", scene.executed("r1")[0] ?? ""));
    await scene.finished("r1");
    expect(scene.executed("r1")).toHaveLength(1);
    expect(scene.executed("r2").sort()).toEqual(["one", "two"]);
  });
});

describe("a job that cannot be looked for", () => {
  const alone: Sketch = { base: { reuse: true } };

  it("runs when the store does not answer, and says so", async () => {
    const scene = await ReuseScene.open();
    scene.world.reuse.store.find = () => new Promise(() => undefined);
    await scene.run("r1", alone);
    expect(scene.executed("r1")).toEqual(["base"]);
    expect(await scene.explained("r1", "base")).toContain(
      "not reused: what is remembered could not be read within 5 s",
    );
  });

  it("runs when the store refuses, and its result is remembered all the same", async () => {
    const scene = await ReuseScene.open();
    const { find } = scene.world.reuse.store;
    scene.world.reuse.store.find = () => Promise.reject(new Error("no room"));
    await scene.run("r1", alone);
    scene.world.reuse.store.find = find;
    await scene.run("r2", alone);
    expect(scene.executed("r2")).toEqual([]);
  });

  it("runs when the hosts differ, and what is remembered is where it ran", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", alone);
    const other = new SimulatedAgent(scene.world, "two", undefined, "another kind");
    await scene.world.clock.advance(5_000);
    await scene.run("r2", alone);
    expect(scene.executed("r2").length + other.started.length).toBe(1);
    expect((await scene.explained("r2", "base")).join()).toContain("its hosts differ");
  });

  it("runs when no agent is there for long", async () => {
    const world = new CoordinatorWorld();
    await world.startCoordinator();
    await world.submit("r1", alone);
    await world.clock.advance(12_000);
    expect(world.events("r1").map(({ type }) => type)).toContain("job.unschedulable");
  });
});

describe("a job in a container", () => {
  const inImage: Sketch = { base: { reuse: true, image: "debian" } };

  it("is reused while the image is the same, and by no job on the host", async () => {
    const scene = await ReuseScene.open();
    scene.agent.images.set("debian", "sha256:1");
    await scene.run("r1", inImage);
    await scene.run("r2", inImage);
    expect(scene.executed("r2")).toEqual([]);
    scene.agent.images.set("debian", "sha256:2");
    await scene.run("r3", inImage);
    expect(scene.executed("r3")).toEqual(["base"]);
    expect(await scene.explained("r3", "base")).toContain(
      "not reused: since run r1 the image is another one",
    );
    await scene.run("r4", { base: { reuse: true } });
    expect(await scene.explained("r4", "base")).toContain("not reused: since run r3 it runs on the host now");
  });

  it("runs when nobody has the image as yet, and is remembered by the one that it ran in", async () => {
    const scene = await ReuseScene.open(({ run }) => (run === "r1" ? undefined : succeeded));
    await scene.submit("r1", inImage);
    expect(await scene.explained("r1", "base")).toContain(
      "not reused: no agent has the image debian as yet, so its digest is not known",
    );
    scene.agent.images.set("debian", "sha256:1");
    scene.agent.finish(scene.startOf("r1", "base"));
    await scene.finished("r1");
    await scene.run("r2", inImage);
    expect(scene.executed("r2")).toEqual([]);
  });

  it("runs when agents have different images of the name, and those that have none count for nothing", async () => {
    const scene = await ReuseScene.open();
    scene.agent.images.set("debian", "sha256:1");
    await scene.run("r1", inImage);
    const other = new SimulatedAgent(scene.world, "two");
    await scene.world.clock.advance(5_000);
    await scene.run("r2", inImage);
    expect([...scene.executed("r2"), ...other.started]).toEqual([]);
    other.images.set("debian", "sha256:2");
    await scene.run("r3", inImage);
    expect((await scene.explained("r3", "base")).join()).toContain("is another one on one than on two");
  });

  it("runs when an agent does not say what it has", async () => {
    const scene = await ReuseScene.open();
    scene.agent.images.set("debian", "sha256:1");
    scene.agent.tellsImages = false;
    await scene.submit("r1", inImage);
    await scene.world.clock.advance(10_000);
    expect(scene.executed("r1")).toEqual(["base"]);
  });
});

describe("the plan of a run", () => {
  const planned = async (scene: ReuseScene, sketch: Sketch, options: Options = {}) => {
    const reply = await scene.world.call("plan", { graph: { inline: { jobs: jobsOf(sketch) } }, options });
    if (!reply.ok) throw new Error(reply.message);
    return reply.result as ApiResult<"plan">;
  };

  it("tells what would be reused, and starts nothing", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    const plan = await planned(scene, diamond);
    expect(plan).toMatchObject({ total: 4, reused: 4, expectedMs: null });
    expect(plan.jobs.map(({ job, from }) => [job, from?.run])).toEqual([
      ["base", "r1"],
      ["left", "r1"],
      ["right", "r1"],
      ["top", "r1"],
    ]);
    expect(scene.agent.started).toHaveLength(4);
    await scene.run("r2", changed);
    expect(scene.executed("r2")).toEqual(["base"]);
  });

  it("tells what would run, why, and for how long", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    const plan = await planned(scene, { ...changed, other: { run: { script: "echo" } } });
    expect(plan).toMatchObject({ total: 5, reused: 0, expectedMs: 15 });
    expect(plan.jobs.map(({ reason }) => reason)).toEqual([
      "since run r1 a source file differs",
      "it is not to be reused",
      "it needs base, which would run, unless what that makes is the same",
      "it needs base, which would run, unless what that makes is the same",
      "it needs left, which would run, unless what that makes is the same",
    ]);
    const without = await planned(scene, diamond, { reuse: false });
    expect(without.jobs.map(({ reason }) => reason)[0]).toBe("nothing is to be reused");
  });

  it("is told in pages, and in time though the store does not answer", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    scene.world.reuse.store.find = () => new Promise(() => undefined);
    const request = { graph: { inline: { jobs: jobsOf(diamond) } }, offset: 0, limit: 1 };
    const answer = scene.world.call("plan", request);
    await scene.world.clock.advance(10_000);
    const reply = await answer;
    expect(reply).toMatchObject({
      ok: true,
      result: { total: 4, reused: 0, jobs: [{ reason: "it could not be looked for in time" }] },
    });
  });

  it("refuses what is no graph", async () => {
    const scene = await ReuseScene.open();
    const jobs = jobsOf({ a: { needs: ["b"] } });
    const reply = await scene.world.call("plan", { graph: { inline: { jobs } } });
    expect(reply).toMatchObject({ ok: false, code: "badInput" });
  });
});

describe("a retry", () => {
  it("carries reused jobs over as the run did that executed them", async () => {
    const scene = await ReuseScene.open(({ spec, run }) =>
      spec.name === "top" && run !== "r3" ? failed : succeeded,
    );
    await scene.run("r1", diamond);
    await scene.run("r2", diamond);
    expect(scene.executed("r2")).toEqual(["top"]);
    await scene.world.call("retry", { run: "r3", retryOf: "r2" });
    await scene.finished("r3");
    expect(scene.executed("r3")).toEqual(["top"]);
    expect(await scene.view("r3", "left")).toMatchObject({ carriedFrom: "r1" });
    // What it made is remembered under all that lies below it.
    await scene.run("r4", diamond, { cutoff: false });
    expect(scene.executed("r4")).toEqual([]);
  });
});
