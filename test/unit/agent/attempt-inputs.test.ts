import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AttemptInputs,
  type AttemptInputsOptions,
  hasInputs,
  needsNothing,
} from "../../../agent/actors/attempt-inputs.ts";
import { attemptKey } from "../../../agent/core/attempt-key.ts";
import { type ArtifactSource, InputCache } from "../../../agent/workspaces/input-cache.ts";
import { InputLayers } from "../../../agent/workspaces/input-layers.ts";
import { notedLayers } from "../../../agent/workspaces/layer-note.ts";
import { makePlace, type Place, placeOf } from "../../../agent/workspaces/place.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { folderName } from "../../../shared/model/name.ts";
import { gate } from "../../support/actor-world.ts";
import { changed } from "../../support/changed.ts";
import { jobRequest } from "./request.ts";

const never = (): AbortSignal => new AbortController().signal;
const D = (letter: string): string => letter.repeat(64);

let root: string;
let cache: InputCache;
let layers: InputLayers;
let downloads: string[];
let place: Place;
/** Downloads that go wrong, or wait, in place of those that make one file, named and filled with the digest's letter. */
let troubles: Map<string, (signal: AbortSignal) => Promise<void>>;

const source: ArtifactSource = {
  download: async (digest, folder, { signal }) => {
    downloads.push(digest[0] ?? "");
    await troubles.get(digest)?.(signal);
    mkdirSync(folder);
    writeFileSync(join(folder, `${digest[0]}.pkg`), `of ${digest[0]}`);
    if (digest === D("k")) symlinkSync("k.pkg", join(folder, "link"));
    return { bytes: 10 };
  },
};

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "attempt-inputs-"));
  downloads = [];
  troubles = new Map();
  cache = await InputCache.open(join(root, "cache"), source);
  layers = await InputLayers.open(join(root, "layers"), cache);
  mkdirSync(join(root, "control"));
  place = newPlace(1);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function newPlace(number: number): Place {
  const made = placeOf(join(root, "attempts"), join(root, "control"), number);
  makePlace(made);
  return made;
}

function open(options: Partial<AttemptInputsOptions> = {}): AttemptInputs {
  return new AttemptInputs({
    cache,
    layers,
    mannerFor: () => "copies",
    inherited: new Map(),
    readDocument: () => Promise.reject(new Error("no document is stored here")),
    ...options,
  });
}

const needing = (...letters: string[]) => letters.map((letter) => ({ job: letter, digest: D(letter) }));

/** A request of the layout `package`, for artifacts of jobs and files that came with the run. */
function packaged(inputs: string[], files: Record<string, "inputs" | "patches"> = {}): JobRequest {
  const listed = Object.entries(files).map(([letter, folder]) => ({ digest: D(letter), folder }));
  return jobRequest({ inputs: needing(...inputs), spec: { layout: "package", files: listed } });
}

/** All files below a folder, sorted. */
function filesIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => !entry.isDirectory());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort();
}

/** A download that waits until nobody wants it any more. */
function waiting(): { trouble: (signal: AbortSignal) => Promise<void>; isGivenUp: () => boolean } {
  let isGivenUp = false;
  const trouble = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        isGivenUp = true;
        reject(new Error("given up"));
      });
    });
  return { trouble, isGivenUp: () => isGivenUp };
}

describe("an attempt in the layout of a workspace", () => {
  it("finds the artifact of each need in a folder of its own, and the sources", async () => {
    const request = jobRequest({ inputs: needing("a", "b"), spec: { sources: D("s") } });
    await open().fetch(request, place, never());
    expect(filesIn(place.inputs)).toEqual(["a/a.pkg", "b/b.pkg"]);
    expect(filesIn(place.sources)).toEqual(["s.pkg"]);
    expect(statSync(place.inputs).mode & 0o777).toBe(0o700);
    expect(existsSync(place.packageRoot)).toBe(false);
  });

  it("finds the artifact of a job whose name can't be a folder's", async () => {
    const request = jobRequest({ inputs: [{ job: "lib/a", digest: D("a") }] });
    await open().fetch(request, place, never());
    expect(readdirSync(place.inputs)).toEqual([folderName("lib/a")]);
  });

  it("has no folder for inputs without any", async () => {
    await open().fetch(jobRequest({ spec: { sources: D("s") } }), place, never());
    expect(existsSync(place.inputs)).toBe(false);
  });

  it("finds inputs that were too many for its request, and were stored as a list", async () => {
    const read: string[] = [];
    const readDocument = async (digest: string): Promise<unknown> => {
      read.push(digest);
      return needing("a", "b");
    };
    const request = jobRequest({ inputList: D("l") });
    await open({ readDocument }).fetch(request, place, never());
    expect(read).toEqual([D("l")]);
    expect(filesIn(place.inputs)).toEqual(["a/a.pkg", "b/b.pkg"]);
  });

  it("fails when that list is something else, and says which object is damaged", async () => {
    const request = jobRequest({ inputList: D("l") });
    const inputs = open({ readDocument: async () => [{ job: "a" }] });
    await expect(inputs.fetch(request, place, never())).rejects.toMatchObject({
      code: "corrupt",
      message: `the object data/${D("l")} is no list of inputs`,
    });
  });

  it("is not kept waiting by that list when it is given up", async () => {
    const inputs = open({ readDocument: () => new Promise(() => undefined) });
    const end = new AbortController();
    const fetched = inputs.fetch(jobRequest({ inputList: D("l") }), place, end.signal);
    end.abort(new Error("cancelled"));
    await expect(fetched).rejects.toThrow("cancelled");
  });

  it("is told that one can't be had when nothing writes to its place any more", async () => {
    const [givenUp, copied] = [gate(), gate()];
    const copyTo: InputCache["copyTo"] = (_digest, _folder, signal) => {
      signal.addEventListener("abort", givenUp.open);
      return copied.opened;
    };
    troubles.set(D("a"), () => Promise.reject(new Error("there is none")));
    const request = jobRequest({ inputs: needing("a"), spec: { sources: D("s") } });
    const inputs = open({ cache: changed(cache, { copyTo }) });
    let isOver = false;
    const fetched = inputs.fetch(request, place, never()).finally(() => {
      isOver = true;
    });
    fetched.catch(() => undefined);
    await givenUp.opened;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    copied.open();
    await expect(fetched).rejects.toThrow("there is none");
  });

  it("is told whose artifact can't be had, and waits for no other", async () => {
    const { trouble, isGivenUp } = waiting();
    troubles.set(D("b"), trouble);
    troubles.set(D("s"), () => Promise.reject(new Error("there is none")));
    const inputs = open();
    const request = jobRequest({ inputs: needing("a", "b"), spec: { sources: D("s") } });
    await expect(inputs.fetch(request, place, never())).rejects.toThrow(
      /^the run file's sources: .*there is none/,
    );
    expect(isGivenUp()).toBe(true);
    troubles = new Map([[D("a"), () => Promise.reject(new Error("there is none"))]]);
    const again = inputs.fetch(jobRequest({ inputs: needing("b", "a") }), newPlace(2), never());
    await expect(again).rejects.toThrow(/^the artifact of a: .*there is none/);
  });
});

describe("what is fetched ahead for an attempt", () => {
  it("is all that it will need, and only what is not there", async () => {
    const inputs = open();
    const first = jobRequest({ inputs: needing("a") });
    await inputs.fetch(first, place, never());
    // Asked for by two attempts: it stays.
    await cache.copyTo(D("c"), join(root, "copy"), never());
    downloads.length = 0;
    const files = [{ digest: D("f"), folder: "inputs" as const }];
    const request = jobRequest({ inputs: needing("b", "c"), spec: { sources: D("s"), files } });
    inputs.prefetch(request);
    expect(downloads.sort()).toEqual(["b", "f", "s"]);
    await inputs.fetch(request, newPlace(2), never());
    expect(downloads.sort()).toEqual(["b", "f", "s"]);
  });

  it("is left there by others that need it, too", async () => {
    const inputs = open();
    const queued = jobRequest({ inputs: needing("a") });
    inputs.prefetch(queued);
    await inputs.fetch(jobRequest({ inputs: needing("a") }), newPlace(2), never());
    await inputs.fetch(queued, place, never());
    expect(downloads).toEqual(["a"]);
  });

  it("is not fetched to its end when the attempt is withdrawn before it is to start", async () => {
    const { trouble, isGivenUp } = waiting();
    troubles.set(D("a"), trouble);
    const inputs = open();
    const [withdrawn, other] = [jobRequest({ inputs: needing("a") }), jobRequest({ inputs: needing("a") })];
    inputs.prefetch(withdrawn);
    inputs.prefetch(other);
    inputs.endPrefetch(attemptKey(withdrawn));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isGivenUp()).toBe(false);
    inputs.endPrefetch(attemptKey(other));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isGivenUp()).toBe(true);
    expect(downloads).toEqual(["a"]);
  });

  it("is not fetched to its end when the attempt is given up", async () => {
    const { trouble, isGivenUp } = waiting();
    troubles.set(D("a"), trouble);
    const inputs = open();
    const request = jobRequest({ inputs: needing("a") });
    inputs.prefetch(request);
    const end = new AbortController();
    const fetched = inputs.fetch(request, place, end.signal);
    end.abort(new Error("cancelled"));
    await expect(fetched).rejects.toThrow("cancelled");
    expect(isGivenUp()).toBe(true);
  });
});

describe("an attempt in the layout of a package", () => {
  it("finds all side by side, once each, in the folders that they are for", async () => {
    const request = packaged(["a", "b", "a"], { s: "inputs", p: "patches", b: "inputs" });
    await open().fetch(request, place, never());
    expect(filesIn(place.packageRoot)).toEqual([
      "inputs/a.pkg",
      "inputs/b.pkg",
      "inputs/s.pkg",
      "patches/p.pkg",
    ]);
    expect(existsSync(place.inputs)).toBe(false);
    expect(lstatSync(join(place.packageRoot, "inputs")).mode & 0o777).toBe(0o755);
    expect(open().layersOf(attemptKey(request))).toBeUndefined();
  });

  it("has copies of its own, or links, as its image is run", async () => {
    const asked: (string | undefined)[] = [];
    const inputs = open({
      mannerFor: (image) => {
        asked.push(image);
        return image === undefined ? "copies" : "links";
      },
    });
    const inCache = (): number => statSync(join(root, "cache", D("a"), "a.pkg")).ino;
    await inputs.fetch(packaged(["a"]), place, never());
    expect(statSync(join(place.packageRoot, "inputs/a.pkg")).ino).not.toBe(inCache());
    const other = newPlace(2);
    const request = packaged(["a"]);
    request.spec.image = "debian";
    await inputs.fetch(request, other, never());
    expect(statSync(join(other.packageRoot, "inputs/a.pkg")).ino).toBe(inCache());
    expect(asked).toEqual([undefined, "debian"]);
  });

  it("is told whose artifact can't be had, or brings a file that another one has", async () => {
    troubles.set(D("a"), () => Promise.reject(new Error("there is none")));
    troubles.set(D("f"), () => Promise.reject(new Error("there is none")));
    const other = newPlace(2);
    await expect(open().fetch(packaged(["a"]), place, never())).rejects.toThrow(/^the artifact of a: /);
    await expect(open().fetch(packaged([], { f: "patches" }), other, never())).rejects.toThrow(
      /^the files that came with the run: /,
    );
  });

  describe("on a full disk", () => {
    const full = () => Promise.reject(Object.assign(new Error("no space left"), { code: "ENOSPC" }));

    it("is filled once more when nothing unused is kept", async () => {
      await cache.copyTo(D("u"), join(root, "unused"), never());
      troubles.set(D("b"), () => {
        troubles.clear();
        return full();
      });
      await open().fetch(packaged(["a", "b"]), place, never());
      expect(filesIn(place.packageRoot)).toEqual(["inputs/a.pkg", "inputs/b.pkg"]);
      expect(existsSync(join(root, "cache", D("u")))).toBe(false);
    });

    it("fails when that was of no use, and for anything else at once", async () => {
      troubles.set(D("a"), full);
      await expect(open().fetch(packaged(["a"]), place, never())).rejects.toThrow("no space left");
      expect(downloads).toEqual(["a", "a"]);
      troubles.set(D("a"), () => Promise.reject(new Error("it is damaged")));
      rmSync(place.packageRoot, { recursive: true });
      await expect(open().fetch(packaged(["a"]), place, never())).rejects.toThrow("it is damaged");
      expect(downloads).toEqual(["a", "a", "a"]);
    });
  });
});

describe("an attempt that takes layers", () => {
  const layered = (options: Partial<AttemptInputsOptions> = {}) =>
    open({ mannerFor: () => "layers", ...options });
  const present = (): string[] => readdirSync(layers.path).sort();

  it("is given them by their names, which a successor of the agent is told, until nothing of it is left", async () => {
    const inputs = layered();
    const request = packaged(["a"], { s: "inputs" });
    const key = attemptKey(request);
    await inputs.fetch(request, place, never());
    const held = inputs.layersOf(key);
    expect(held?.folder).toBe(layers.path);
    expect(held?.names.flatMap((name) => filesIn(join(layers.path, name))).sort()).toEqual([
      "inputs/a.pkg",
      "inputs/s.pkg",
    ]);
    expect(filesIn(place.packageRoot)).toEqual([]);
    expect(notedLayers(place.control)).toEqual(held?.names);
    await layers.evict();
    expect(present()).toHaveLength(2);
    await inputs.release(key);
    expect(inputs.layersOf(key)).toBeUndefined();
    await layers.evict();
    expect(present()).toEqual([]);
  });

  it("keeps none where it could not be noted which ones it has", async () => {
    const inputs = layered();
    const request = packaged(["a"]);
    rmSync(place.control, { recursive: true });
    await expect(inputs.fetch(request, place, never())).rejects.toMatchObject({ code: "ENOENT" });
    expect(inputs.layersOf(attemptKey(request))).toBeUndefined();
    await layers.evict();
    expect(present()).toEqual([]);
  });

  it("has what was in them in its own place once it is settled, but for what it has changed itself", async () => {
    const inputs = layered();
    const request = packaged(["a", "k"], { b: "inputs" });
    await inputs.fetch(request, place, never());
    mkdirSync(join(place.packageRoot, "inputs"));
    writeFileSync(join(place.packageRoot, "inputs/b.pkg"), "changed");
    await inputs.settle(attemptKey(request), place);
    expect(filesIn(place.packageRoot)).toEqual([
      "inputs/a.pkg",
      "inputs/b.pkg",
      "inputs/k.pkg",
      "inputs/link",
    ]);
    expect(readlinkSync(join(place.packageRoot, "inputs/link"))).toBe("k.pkg");
    expect(readFileSync(join(place.packageRoot, "inputs/b.pkg"), "utf8")).toBe("changed");
    expect(readFileSync(join(place.packageRoot, "inputs/a.pkg"), "utf8")).toBe("of a");
  });

  it("has those that an earlier process of the agent gave it, until nothing of it is left", async () => {
    for (const name of ["inputs-1", "inputs-2"]) mkdirSync(join(layers.path, name));
    const inputs = layered({ inherited: new Map([["r1/0/1/lease", ["inputs-1"]]]) });
    expect(inputs.layersOf("r1/0/1/lease")).toEqual({ folder: layers.path, names: ["inputs-1"] });
    await inputs.release("r1/0/1/lease");
    expect(present()).toEqual(["inputs-2"]);
  });
});

describe("a job", () => {
  it("needs nothing but a workspace when it has no inputs, no sources and not the layout of a package", () => {
    expect(needsNothing(jobRequest())).toBe(true);
    for (const request of [
      jobRequest({ inputs: needing("a") }),
      jobRequest({ inputList: D("l") }),
      jobRequest({ spec: { sources: D("s") } }),
      packaged([]),
    ])
      expect(needsNothing(request)).toBe(false);
    expect([jobRequest(), packaged([])].map(hasInputs)).toEqual([false, false]);
    expect([jobRequest({ inputs: needing("a") }), jobRequest({ inputList: D("l") })].map(hasInputs)).toEqual([
      true,
      true,
    ]);
  });
});
