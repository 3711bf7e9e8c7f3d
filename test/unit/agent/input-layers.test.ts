import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputCache } from "../../../agent/workspaces/input-cache.ts";
import { InputLayers, type WantedArtifact } from "../../../agent/workspaces/input-layers.ts";

const never = new AbortController().signal;
const ARTIFACT_BYTES = 10;
const LIMIT_BYTES = 100;

describe("layers of inputs that jobs share", () => {
  let root: string;
  let cache: InputCache;
  let layers: InputLayers;
  let downloads: string[];

  /** `a` is an artifact with the file `a.pkg`, `a:b=c` one with the file `b` that holds `c`; `missing` is not there. */
  const source = {
    download: (digest: string, folder: string) => {
      downloads.push(digest);
      if (digest === "missing") return Promise.reject(new Error("it is not there"));
      const [, name = `${digest}.pkg`, content = digest] = /:(.*)=(.*)/.exec(digest) ?? [];
      mkdirSync(folder);
      writeFileSync(join(folder, name), content);
      return Promise.resolve({ bytes: ARTIFACT_BYTES });
    },
  };

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "millrace-layers-"));
    downloads = [];
    cache = await InputCache.open(join(root, "cache"), source, LIMIT_BYTES);
    layers = await InputLayers.open(join(root, "layers"), cache);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const wanted = (...digests: string[]): WantedArtifact[] =>
    digests.map((digest) => ({
      digest,
      folder: "inputs",
      isShared: true,
      origin: `the artifact of ${digest}`,
    }));
  const present = (): string[] => readdirSync(join(root, "layers")).sort();
  const filesOf = (names: readonly string[]): string[] =>
    names.flatMap((name) => readdirSync(join(root, "layers", name, "inputs"))).sort();

  it("are links to what the cache has, and are made once", async () => {
    const first = await layers.take(wanted("a", "b"), never);
    expect(filesOf(first.names)).toEqual(["a.pkg", "b.pkg"]);
    const [inLayer, inCache] = [join(root, "layers/inputs-1/inputs/a.pkg"), join(root, "cache/a/a.pkg")];
    expect(statSync(inLayer).ino).toBe(statSync(inCache).ino);
    const second = await layers.take(wanted("c", "a", "b"), never);
    expect(second.names).toEqual(["inputs-2", "inputs-1"]);
    expect(filesOf(["inputs-2"])).toEqual(["c.pkg"]);
    expect((await layers.take(wanted("a", "b"), never)).names).toEqual(["inputs-1"]);
    expect(downloads.sort()).toEqual(["a", "b", "c"]);
  });

  it("have what one job alone wants apart from what others want, too", async () => {
    const own: WantedArtifact[] = [
      { digest: "s", folder: "inputs", isShared: false, origin: "a source" },
      { digest: "p", folder: "patches", isShared: false, origin: "a patch" },
    ];
    const { names } = await layers.take([...wanted("a"), ...own], never);
    expect(names).toHaveLength(3);
    expect(
      names
        .flatMap((name) => readdirSync(join(root, "layers", name), { recursive: true }).map(String))
        .sort(),
    ).toEqual(["inputs", "inputs", "inputs/a.pkg", "inputs/s.pkg", "patches", "patches/p.pkg"]);
  });

  it("name both jobs when two artifacts have something else under one path, in one layer or in two", async () => {
    await expect(layers.take(wanted("1:x=one", "2:x=two"), never)).rejects.toThrow(
      /x comes from .* 1:x=one and, with another content, from .* 2:x=two/,
    );
    await layers.take(wanted("1:x=one"), never);
    await expect(layers.take(wanted("1:x=one", "2:x=two"), never)).rejects.toThrow(/x comes from .* and/);
    await layers.take(wanted("1:x=one", "3:x=one"), never);
  });

  it("say whose artifact could not be had, and are tried again", async () => {
    await expect(layers.take(wanted("a", "missing"), never)).rejects.toThrow(/the artifact of missing: /);
    expect(present()).toEqual([]);
    await layers.take(wanted("a"), never);
    expect(filesOf(present())).toEqual(["a.pkg"]);
  });

  it("stay while a job uses them, and keep their artifacts; then the cache has its limit again", async () => {
    const many = Array.from({ length: 8 }, (_, at) => `m${at}`);
    const held = await layers.take(wanted(...many), never);
    const more = await layers.take(wanted("a", "b", "c", "d"), never);
    expect(cache.isOver).toBe(true);
    expect(present()).toEqual(["inputs-1", "inputs-2"]);
    await held.release();
    expect(present()).toEqual(["inputs-2"]);
    expect(cache.isOver).toBe(false);
    await more.release();
    expect(present()).toEqual(["inputs-2"]);
    await layers.evict();
    expect(present()).toEqual([]);
    expect(readdirSync(join(root, "cache"))).toEqual([]);
  });

  it("are left for jobs that outlive the agent, until these are over", async () => {
    const held = await layers.take(wanted("a"), never);
    await (await layers.take(wanted("z"), never)).release();
    await layers.close();
    await cache.close();
    const next = await InputCache.open(join(root, "cache"), source, LIMIT_BYTES);
    const successor = await InputLayers.open(join(root, "layers"), next, held.names);
    const inherited = successor.inherit(held.names);
    expect(readFileSync(join(root, "layers/inputs-1/inputs/a.pkg"), "utf8")).toBe("a");
    expect((await successor.take(wanted("a"), never)).names).not.toEqual(held.names);
    await inherited.release();
    expect(present()).not.toContain("inputs-1");
  });

  it("need few links for a chain of jobs that see all that lies below them", async () => {
    const chain = Array.from({ length: 150 }, (_, at) => `c${at}`);
    const unlimited = await InputCache.open(join(root, "whole"), source);
    const shared = await InputLayers.open(join(root, "chain"), unlimited);
    let inputs = 0;
    for (const at of chain.keys()) {
      const { names, release } = await shared.take(wanted(...chain.slice(0, at)), never);
      const seen = names.flatMap((name) => readdirSync(join(root, "chain", name, "inputs")));
      expect(new Set(seen).size).toBe(at);
      expect(seen).toHaveLength(at);
      inputs += at;
      await release();
    }
    const made = readdirSync(join(root, "chain"), { recursive: true }).map(String);
    expect(made.filter((path) => path.endsWith(".pkg")).length).toBeLessThan(inputs / 5);
    expect(readdirSync(join(root, "whole"))).toHaveLength(chain.length - 1);
  });

  it("are not waited for by a job that is given up", async () => {
    const giveUp = new AbortController();
    const stuck = await InputCache.open(join(root, "stuck"), {
      download: (_digest, _folder, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const taking = (await InputLayers.open(join(root, "others"), stuck)).take(wanted("a"), giveUp.signal);
    giveUp.abort(new Error("not wanted"));
    await expect(taking).rejects.toThrow("not wanted");
  });
});
