import { describe, expect, it } from "vitest";
import type { ApiResult } from "../../../shared/model/api.ts";
import { CoordinatorWorld, SimulatedAgent } from "../../support/coordinator-world.ts";
import { failed, jobsOf, type Sketch, succeeded } from "../../support/run-driver.ts";
import { bySources, changed, diamond, type Options, ReuseScene } from "./reuse-scene.ts";

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
    expect(plan).toMatchObject({ total: 5, reused: 0, mayBeSpared: 3, expectedMs: 15, leastMs: 5 });
    expect(plan.jobs.filter((job) => job.mayBeSpared).map(({ job }) => job)).toEqual([
      "left",
      "right",
      "top",
    ]);
    expect(plan.jobs.map(({ reason }) => reason)).toEqual([
      "since run r1 a source file differs",
      "it is not to be reused",
      "it needs base, which would run, unless what that makes is the same",
      "it needs base, which would run, unless what that makes is the same",
      "it needs left, which may run, unless what that makes is the same",
    ]);
    const without = await planned(scene, diamond, { reuse: false });
    expect(without.jobs.map(({ reason }) => reason)[0]).toBe("nothing is to be reused");
  });

  it("counts no job as one that may be spared that can't be, whatever its inputs turn out to be", async () => {
    const scene = await ReuseScene.open();
    const first = await planned(scene, diamond);
    expect(first).toMatchObject({ reused: 0, mayBeSpared: 0 });
    expect(first.jobs.map(({ reason }) => reason)).toEqual(
      Array(4).fill("no job of its name is known to have succeeded"),
    );
    await scene.run("r1", diamond);
    const uncut = await planned(scene, changed, { cutoff: false });
    expect(uncut).toMatchObject({ reused: 0, mayBeSpared: 0 });
    const edited = await planned(scene, {
      ...changed,
      left: { reuse: true, needs: ["base"], run: { script: "false" } },
    });
    expect(edited).toMatchObject({ reused: 0, mayBeSpared: 2 });
    expect(edited.jobs.find(({ job }) => job === "left")?.reason).toBe("since run r1 its command differs");
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

  it("is made once for all who ask by one id, page by page", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    const { store } = scene.world.reuse;
    const find = store.find.bind(store);
    let found = 0;
    store.find = (kind, key) => {
      found += 1;
      return find(kind, key);
    };
    const graph = { inline: { jobs: jobsOf(diamond) } };
    const page = (plan: string, offset: number) =>
      scene.world.call("plan", { plan, graph, offset, limit: 2 });
    const copies = [page("p1", 0), page("p1", 0)];
    const pages = [...(await Promise.all(copies)), await page("p1", 2)];
    const named = pages.map((reply) =>
      reply.ok ? (reply.result as ApiResult<"plan">).jobs.map(({ job }) => job) : [],
    );
    expect(named).toEqual([
      ["base", "left"],
      ["base", "left"],
      ["right", "top"],
    ]);
    expect(found).toBe(4);
    await page("p2", 0);
    expect(found).toBe(8);
    // What nobody asks for goes.
    await scene.world.clock.advance(15_000);
    await page("p1", 2);
    expect(found).toBe(12);
  });

  it("tells who asks by an id how much is open while it is made, and goes on as long as something comes", async () => {
    const scene = await ReuseScene.open();
    await scene.run("r1", diamond);
    const { store } = scene.world.reuse;
    const find = store.find.bind(store);
    const answers: (() => void)[] = [];
    store.find = async (kind, key) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return find(kind, key);
    };
    const request = { plan: "p1", graph: { inline: { jobs: jobsOf(diamond) } } };
    // The layers take six seconds each: all together longer than one answer may take.
    for (const open of [1, 2, 1]) {
      for (let round = 0; round < 2; round++) {
        const asked = scene.world.call("plan", request);
        await scene.world.clock.advance(3_000);
        expect(await asked).toMatchObject({ ok: true, result: { total: 4, open, jobs: [] } });
      }
      for (const answer of answers.splice(0)) answer();
    }
    const reply = await scene.world.call("plan", request);
    expect(reply).toMatchObject({ ok: true, result: { total: 4, open: 0, reused: 4 } });
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
