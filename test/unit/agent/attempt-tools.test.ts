import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AttemptToolsOptions, HostTools, type ShippedLog } from "../../../agent/actors/attempt-tools.ts";
import { LogBacklog } from "../../../agent/actors/log-backlog.ts";
import { attemptKey } from "../../../agent/core/attempt-key.ts";
import { uptimeMs } from "../../../agent/runners/process-census.ts";
import type { Adoption, Execution, Launch, Runner } from "../../../agent/runners/runner.ts";
import { recordOf } from "../../../agent/workspaces/attempt-record.ts";
import { ControlFiles } from "../../../agent/workspaces/control-files.ts";
import { DiskWatch } from "../../../agent/workspaces/disk-watch.ts";
import { InputCache } from "../../../agent/workspaces/input-cache.ts";
import { InputLayers } from "../../../agent/workspaces/input-layers.ts";
import type { Place } from "../../../agent/workspaces/place.ts";
import { releasedPath } from "../../../agent/workspaces/released-log.ts";
import { Workspaces } from "../../../agent/workspaces/workspaces.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { jobRequest } from "./request.ts";

const never = (): AbortSignal => new AbortController().signal;
const digest = "a".repeat(64);
const nothing: Execution = { exit: new Promise(() => undefined), signal: () => Promise.resolve() };

/** A runner that starts nothing, and notes what it is told. */
class NotingRunner implements Runner {
  readonly launches: Launch[] = [];
  readonly adoptions: Adoption[] = [];
  readonly swept: string[] = [];
  readonly askedIfQuiet: string[] = [];

  start(launch: Launch): Promise<Execution> {
    this.launches.push(launch);
    return Promise.resolve(nothing);
  }

  adopt(adoption: Adoption): Execution {
    this.adoptions.push(adoption);
    return nothing;
  }

  sweep(attempt: string): Promise<void> {
    this.swept.push(attempt);
    return Promise.resolve();
  }

  isQuiet(attempt: string): Promise<boolean> {
    this.askedIfQuiet.push(attempt);
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

let root: string;
let workspaces: Workspaces;
let layers: InputLayers;
let shell: NotingRunner;
let containers: NotingRunner;
let kept: string[];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "attempt-tools-"));
  const opened = await Workspaces.open(join(root, "work"), {
    controlFiles: new ControlFiles(),
    onControlLost: () => undefined,
  });
  workspaces = opened.workspaces;
  [shell, containers] = [new NotingRunner(), new NotingRunner()];
  kept = [];
});
afterEach(async () => {
  await workspaces.close("everything");
  rmSync(root, { recursive: true, force: true });
});

async function open(options: Partial<AttemptToolsOptions> = {}): Promise<HostTools> {
  const cache = await InputCache.open(join(root, "cache"), {
    download: async (_, folder) => {
      mkdirSync(folder);
      writeFileSync(join(folder, "file"), "content");
      return { bytes: 7 };
    },
  });
  layers = await InputLayers.open(join(root, "layers"), cache);
  return new HostTools({
    cache,
    layers,
    mannerFor: () => "layers",
    inherited: new Map(),
    readDocument: () => Promise.reject(new Error("no document is stored here")),
    workspaces,
    shell,
    containers,
    disk: new DiskWatch({ folders: [], minFree: { bytes: 0 }, makeRoom: () => Promise.resolve() }),
    logBacklog: new LogBacklog(1_000_000),
    artifacts: { upload: () => Promise.resolve(null) },
    openLogSink: () => {
      throw new Error("nothing is logged");
    },
    keepFailed: false,
    graceMs: 1,
    answer: () => Promise.resolve({ kind: "ping" }),
    hostIdentity: "here",
    onKept: (_, folder) => kept.push(folder),
    ...options,
  });
}

/** A log of which nothing waits. */
function stored(parts: Partial<ShippedLog> = {}): ShippedLog {
  const done = () => Promise.resolve();
  return {
    size: () => 0,
    isWhole: true,
    marks: undefined,
    close: () => 0,
    ship: done,
    stored: done,
    ...parts,
  };
}

function taken(request: JobRequest): { record: ReturnType<typeof recordOf>; place: Place } {
  const record = recordOf(request, workspaces.boot);
  return { record, place: workspaces.take(record, true) };
}

const packaged = (): JobRequest =>
  jobRequest({ inputs: [{ job: "b", digest }], spec: { layout: "package" } });

describe("a command", () => {
  async function launched(request: JobRequest): Promise<Launch> {
    const tools = await open();
    const { place } = taken(request);
    await tools.fetch(request, place, never());
    await tools.launch(request, place);
    const [launch] = [...shell.launches, ...containers.launches];
    if (launch === undefined) throw new Error("nothing was launched");
    return launch;
  }

  it("is run by a shell without an image, else in a container", async () => {
    await launched(jobRequest());
    expect([shell.launches.length, containers.launches.length]).toEqual([1, 0]);
    await launched(jobRequest({ spec: { image: "debian" } }));
    expect([shell.launches.length, containers.launches.length]).toEqual([1, 1]);
  });

  it("may be told that it is not in CI, and not which job it is", async () => {
    const { environment } = await launched(
      jobRequest({
        run: "r1",
        env: [
          ["CI", "no"],
          ["MILLRACE_RUN", "forged"],
          ["MILLRACE_JOB", "forged"],
        ],
        spec: { name: "build" },
      }),
    );
    expect(Object.fromEntries(environment)).toEqual({ CI: "no", MILLRACE_RUN: "r1", MILLRACE_JOB: "build" });
    expect((await launched(jobRequest())).environment[0]).toEqual(["CI", "true"]);
  });

  it("is told of inputs and sources only where it has some", async () => {
    const without = await launched(jobRequest());
    expect([without.inputs, without.sources, without.packageRoot]).toEqual([undefined, undefined, undefined]);
    shell.launches.length = 0;
    const request = jobRequest({ inputs: [{ job: "b", digest }], spec: { sources: digest } });
    const launch = await launched(request);
    expect(readdirSync(launch.inputs ?? "")).toEqual(["b"]);
    expect(readdirSync(launch.sources ?? "")).toEqual(["file"]);
  });

  it("finds its inputs at the fixed paths of a package, in layers where it has taken some", async () => {
    const { inputs, packageRoot, program } = await launched(packaged());
    expect(inputs).toBeUndefined();
    expect(packageRoot?.layers).toMatchObject({ folder: layers.path, names: ["inputs-1"] });
    expect(program).toBe(join(packageRoot?.folder ?? "", "script"));
  });
});

describe("an attempt of an earlier process", () => {
  async function adopted(fields: object): Promise<{ execution: Execution; adoption: Adoption | undefined }> {
    const tools = await open();
    const { record, place } = taken(jobRequest());
    const execution = await tools.adopt({ ...record, launchedMs: uptimeMs() - 5_000, ...fields }, place);
    return { execution, adoption: [...shell.adoptions, ...containers.adoptions].at(-1) };
  }

  it("never began when it was not launched", async () => {
    const { execution, adoption } = await adopted({ launchedMs: null });
    expect(await execution.exit).toEqual({ kind: "neverBegan" });
    expect(adoption).toBeUndefined();
  });

  it("is known to have run since its launch, where that is told and the host was not started again since", async () => {
    const { adoption: known } = await adopted({});
    expect(known?.isSameBoot).toBe(true);
    expect(known?.elapsedMs).toBeGreaterThanOrEqual(5_000);
    expect(known?.elapsedMs).toBeLessThan(60_000);
    expect((await adopted({ launchedMs: uptimeMs() + 60_000 })).adoption?.elapsedMs).toBe(0);
    expect((await adopted({ launchedMs: undefined })).adoption).toMatchObject({
      elapsedMs: undefined,
      isSameBoot: true,
    });
    expect((await adopted({ boot: "another" })).adoption).toMatchObject({
      elapsedMs: undefined,
      isSameBoot: false,
    });
  });

  it("has what it made at the fixed paths of a package, if that is how it was laid out", async () => {
    expect((await adopted({})).adoption?.packageRoot).toBeUndefined();
    const { adoption } = await adopted({ layout: "package", outputs: ["."] });
    expect(adoption?.packageRoot).toMatchObject({ layers: undefined, collects: "onSuccess" });
  });

  it("has a log that goes on behind what was stored of it", async () => {
    const tools = await open();
    const { record, place } = taken(jobRequest());
    writeFileSync(place.log, "stored and not");
    writeFileSync(releasedPath(place.control), JSON.stringify({ storedBytes: 6, cuts: [] }));
    expect(tools.openLog(record, place, "requested").isWhole).toBe(true);
    expect(tools.openLog(record, place, "leftover").isWhole).toBe(false);
  });

  it("is taken over by what started it", async () => {
    await adopted({});
    await adopted({ image: "debian" });
    expect([shell.adoptions.length, containers.adoptions.length]).toEqual([1, 1]);
  });
});

it("ends what is left of an attempt whose actor failed wherever it ran, and lets go of its layers", async () => {
  const tools = await open();
  const request = packaged();
  const { place } = taken(request);
  await tools.fetch(request, place, never());
  await tools.sweep(attemptKey(request));
  expect([shell.swept, containers.swept]).toEqual([[attemptKey(request)], [attemptKey(request)]]);
  await layers.evict();
  expect(readdirSync(layers.path)).toEqual([]);
});

it("reads the marks in the log of an attempt that asks for it, and of no other", async () => {
  const tools = await open();
  const [plain, marked] = [taken(jobRequest()), taken(jobRequest({ spec: { marks: { verdict: "marks" } } }))];
  expect(tools.openLog(plain.record, plain.place, "requested").marks).toBeUndefined();
  expect(tools.openLog(marked.record, marked.place, "requested").marks).toBeDefined();
});

it("makes the control files anew that somebody has removed, whatever it is asked of its disk", async () => {
  const tools = await open();
  for (const ask of [() => tools.trouble(), () => tools.isDiskFull()]) {
    rmSync(workspaces.controlFolder, { recursive: true });
    await ask();
    expect(existsSync(workspaces.controlFolder)).toBe(true);
  }
});

describe("what an attempt leaves", () => {
  /** Runs nothing, frees it, and says whether its place serves the next attempt as it is. */
  async function isUsedAgain(request: JobRequest, log = stored()): Promise<boolean> {
    const tools = await open();
    const { record, place } = taken(request);
    await tools.free(record, place, log, false);
    return taken(jobRequest()).place.number === place.number;
  }

  it("is a place for the next one only where its control files are those of a plain shell job", async () => {
    expect(await isUsedAgain(jobRequest())).toBe(true);
    expect(await isUsedAgain(jobRequest({ spec: { image: "debian" } }))).toBe(false);
    expect(await isUsedAgain(jobRequest({ spec: { layout: "package" } }))).toBe(false);
    expect(await isUsedAgain(jobRequest({ spec: { marks: { verdict: "marks" } } }))).toBe(false);
    expect(await isUsedAgain(jobRequest(), stored({ isWhole: false }))).toBe(false);
  });

  it("goes once its log is stored, and also when that can't be", async () => {
    const tools = await open();
    const { record, place } = taken(jobRequest({ spec: { image: "debian" } }));
    let end: () => void = () => undefined;
    const log = stored({ stored: () => new Promise((resolve) => (end = resolve)) });
    const freed = tools.free(record, place, log, false);
    expect(containers.askedIfQuiet).toEqual([attemptKey(record)]);
    expect(existsSync(place.root)).toBe(true);
    end();
    await freed;
    expect(existsSync(place.root)).toBe(false);
    const next = taken(jobRequest({ spec: { image: "debian" } }));
    const unreadable = stored({ stored: () => Promise.reject(new Error("it can't be read")) });
    await expect(tools.free(next.record, next.place, unreadable, false)).rejects.toThrow("it can't be read");
    expect(existsSync(next.place.root)).toBe(false);
  });

  it("is kept when it failed, if that is wanted, with all that it saw", async () => {
    for (const [keepFailed, failed] of [
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const tools = await open({ keepFailed });
      const request = packaged();
      const { record, place } = taken(request);
      await tools.fetch(request, place, never());
      await tools.free(record, place, stored(), failed);
      expect(existsSync(place.root)).toBe(false);
      expect(kept).toHaveLength(keepFailed && failed ? 1 : 0);
      await layers.evict();
      expect(readdirSync(layers.path)).toEqual([]);
    }
    expect(readFileSync(join(kept[0] ?? "", "package/inputs/file"), "utf8")).toBe("content");
  });

  it("is kept, and its place and layers are free, though there is no room for all that it saw", async () => {
    const tools = await open({ keepFailed: true });
    const request = packaged();
    const { record, place } = taken(request);
    await tools.fetch(request, place, never());
    // A file where a folder would have to be stands for a copy that fails.
    writeFileSync(join(place.packageRoot, "inputs"), "");
    await expect(tools.free(record, place, stored(), true)).rejects.toThrow();
    expect(kept).toHaveLength(1);
    expect(existsSync(place.control)).toBe(false);
    await layers.evict();
    expect(readdirSync(layers.path)).toEqual([]);
  });
});
