import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PackageStore } from "../../../coordinator/releases/package-store.ts";
import { carryOutRelease, planRelease, type StagedArtifact } from "../../../coordinator/releases/release.ts";
import { releaseFolder } from "../../../coordinator/releases/release-store.ts";
import {
  findStagedRun,
  type Making,
  stageArtifacts,
  stagingFolder,
} from "../../../coordinator/releases/staging.ts";
import type { ArtifactEntry } from "../../../shared/client/client.ts";
import type { Provenance, StoredFile } from "../../../shared/model/provenance.ts";
import { type Files, fillWith, provenanceOf, sha256 } from "./sample-provenance.ts";

const run = "20260801-120000-aaaaaa";

let root: string;
let staging: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-release-"));
  staging = join(root, "staging");
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** A cluster that has one artifact. */
function clusterWith(files: Files) {
  const entries = Object.entries(files).map(
    ([path, text]): ArtifactEntry => ({
      path,
      kind: "file",
      bytes: text.length,
      executable: false,
      digest: sha256(text),
      target: null,
    }),
  );
  const folder: ArtifactEntry = {
    path: "empty",
    kind: "folder",
    bytes: 0,
    executable: false,
    digest: null,
    target: null,
  };
  return {
    downloadArtifact: async (_: unknown, into: string) => {
      await fillWith(files)(into);
      return [...entries, folder];
    },
  };
}

/** What a build has needed, as it is beside all that it has made. */
const graphText = '{"v":1,"jobs":[]}\n';
const graphPath = `.millrace/graphs/${sha256(graphText)}.json`;

function makingOf(owner: string, files: Files, image = "debian:bullseye"): Making {
  const {
    v: _v,
    files: _files,
    release: _release,
    millrace: _millrace,
    ...making
  } = provenanceOf(owner, files);
  return { ...making, image, graph: sha256(graphText) };
}

async function stage(owner: string, files: Files, image?: string): Promise<void> {
  const store = await PackageStore.open(stagingFolder(staging, run, image), Date.now());
  await stageInto(store, owner, files, image);
}

/** Throws what was in the way. */
async function stageInto(store: PackageStore, owner: string, files: Files, image?: string): Promise<void> {
  const makings = [makingOf(owner, files, image)];
  const { conflicts } = await stageArtifacts(store, clusterWith(files), makings, graphText);
  for (const conflict of conflicts) throw conflict;
}

async function staged(): Promise<StagedArtifact[]> {
  const { stores } = await findStagedRun(staging, "last");
  return stores.flatMap((store) => [...store.artifacts()].map((provenance) => ({ provenance, store })));
}

const released = (): Promise<PackageStore> => PackageStore.open(join(root, "releases/default"), Date.now());

async function releaseAll(): Promise<string[]> {
  const target = await released();
  const steps = await planRelease(await staged(), target);
  await carryOutRelease(steps, target, { store: "default", run, at: "2026-08-02T12:00:00.000Z" });
  return steps.map((step) => (step.kind === "refused" ? step.reason : step.kind));
}

describe("the staging store", () => {
  it("has the files of a run below its id, with how they were made", async () => {
    await stage("a 1", { "a-1.pkg": "1" });
    expect(await readFile(join(staging, run, "a-1.pkg"), "utf8")).toBe("1");
    const [artifact] = await staged();
    expect(artifact?.provenance).toMatchObject({
      package: { name: "a", version: "1" },
      files: [{ type: "file", path: "a-1.pkg", size: 1 }],
      release: null,
    });
  });

  it("refuses two packages of a run that make a file of the same name", async () => {
    await stage("a 1", { "x.pkg": "1" });
    await expect(stage("b 2", { "x.pkg": "2" })).rejects.toThrow("x.pkg is there, of a 1");
    expect(await readFile(join(staging, run, "x.pkg"), "utf8")).toBe("1");
  });

  it("has a folder for each image when there are several", async () => {
    await stage("a 1", { "a-1.pkg": "deb" }, "debian:bullseye");
    await stage("a 1", { "a-1.pkg": "alp" }, "library/alpine");
    expect(await readFile(join(staging, run, "debian%3Abullseye/a-1.pkg"), "utf8")).toBe("deb");
    expect(await readFile(join(staging, run, "library%2Falpine/a-1.pkg"), "utf8")).toBe("alp");
    expect(await staged()).toHaveLength(2);
  });

  it("finds a run by its id, the start of it, and `last`, which is none of butido's", async () => {
    await stage("a 1", { "a-1.pkg": "1" });
    const butidos = "5b1f4b1e-2c5c-4c7e-9a76-3f2b8f0f9a11";
    await mkdir(join(staging, butidos));
    await writeFile(join(staging, butidos, "a-1.pkg"), "");
    for (const reference of [run, "20260801", "last"]) {
      expect((await findStagedRun(staging, reference)).run).toBe(run);
    }
    const folder = stagingFolder(staging, "20260801-130000-bbbbbb", "alpine");
    const later = await PackageStore.open(folder, Date.now());
    await stageInto(later, "b 1", { b: "1" });
    expect((await findStagedRun(staging, "last")).run).toBe("20260801-130000-bbbbbb");
    await expect(findStagedRun(staging, "2026")).rejects.toMatchObject({ code: "badInput" });
    await expect(findStagedRun(staging, butidos)).rejects.toMatchObject({ code: "notFound" });
    await expect(findStagedRun(join(root, "nowhere"), "last")).rejects.toMatchObject({ code: "notFound" });
  });
});

describe("a release", () => {
  it("copies the files where butido has them, with the provenance and where it comes from", async () => {
    await stage("a 1", { "bin/a": "1" });
    await chmod(join(staging, run, "bin/a"), 0o700);
    expect(await releaseAll()).toEqual(["new"]);
    const path = join(root, "releases/default/bin/a");
    expect(await readFile(path, "utf8")).toBe("1");
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    const [provenance] = (await released()).artifacts();
    expect(provenance).toMatchObject({
      made: { run, job: "a 1" },
      release: { store: "default", run, at: "2026-08-02T12:00:00.000Z" },
    });
  });

  it("takes along what the build needed, once, as long as an artifact of it is there", async () => {
    await stage("a 1", { a: "1" });
    await stage("b 1", { b: "1" });
    expect(await readFile(join(staging, run, graphPath), "utf8")).toBe(graphText);
    await releaseAll();
    const path = join(root, "releases/default", graphPath);
    expect(await readFile(path, "utf8")).toBe(graphText);
    const store = await released();
    const [one, other] = [...store.artifacts()];
    await store.remove(one!);
    expect(await readFile(path, "utf8")).toBe(graphText);
    expect(await store.graphOf(other!)).toBe(graphText);
    await store.remove(other!);
    await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("keeps links and programs as such", async () => {
    const store = await PackageStore.open(stagingFolder(staging, run), Date.now());
    const provenance = provenanceOf("a 1", { program: "1" });
    const [program] = provenance.files;
    const files: StoredFile[] = [
      { ...program!, type: "file", executable: true, size: 1, sha256: sha256("1") },
      { type: "link", path: "bin/a", target: "../program" },
    ];
    const fill = async (folder: string): Promise<Provenance> => {
      await mkdir(join(folder, "bin"), { recursive: true });
      await writeFile(join(folder, "program"), "1", { mode: 0o755 });
      await symlink("../program", join(folder, "bin/a"));
      return { ...provenance, files };
    };
    await store.put({ fill });
    expect(await releaseAll()).toEqual(["new"]);
    expect((await stat(join(root, "releases/default/bin/a"))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(root, "releases/default/bin/a"))).toBe("../program");
  });

  it("is no second one when the same artifact is there", async () => {
    await stage("a 1", { a: "1" });
    await releaseAll();
    expect(await releaseAll()).toEqual(["present"]);
  });

  it("replaces earlier ones of the same package and version, and says so before", async () => {
    await stage("a 1", { a: "1" });
    await releaseAll();
    await rm(staging, { recursive: true });
    await stage("a 1", { a: "2" });
    const [step] = await planRelease(await staged(), await released());
    expect(step).toMatchObject({ kind: "update", replacing: [{ kind: "owned", path: "a" }] });
    expect(await releaseAll()).toEqual(["update"]);
    expect(await readFile(join(root, "releases/default/a"), "utf8")).toBe("2");
    expect([...(await released()).artifacts()]).toHaveLength(1);
  });

  it("never replaces a file of another package, or of another version", async () => {
    await stage("a 1", { "latest.pkg": "1" });
    await releaseAll();
    await rm(staging, { recursive: true });
    await stage("a 2", { "latest.pkg": "2" });
    expect(await releaseAll()).toEqual(["latest.pkg is there, of a 1"]);
  });

  it("refuses two artifacts that would have one file, and takes one that two images gave alike", async () => {
    await stage("a 1", { a: "1" }, "one");
    await stage("a 1", { a: "1" }, "two");
    await stage("a 1", { a: "3" }, "three");
    const kinds = await releaseAll();
    expect(kinds.filter((kind) => kind === "new")).toHaveLength(1);
    expect(kinds.filter((kind) => kind.startsWith("it has a file of the same name"))).not.toHaveLength(0);
  });

  it("is of all that was asked for, or of nothing", async () => {
    await stage("a 1", { a: "1" });
    await stage("b 1", { b: "1" });
    await writeFile(join(staging, run, "b"), "2");
    await expect(releaseAll()).rejects.toMatchObject({ code: "refused" });
    expect([...(await released()).artifacts()]).toEqual([]);
    expect((await readdir(join(root, "releases/default"))).filter((name) => name !== ".millrace")).toEqual(
      [],
    );
  });

  it("refuses what is no longer as it was made", async () => {
    await stage("a 1", { a: "1" });
    await writeFile(join(staging, run, "a"), "2");
    await expect(releaseAll()).rejects.toMatchObject({ code: "refused" });
    expect([...(await released()).artifacts()]).toEqual([]);
    await rm(join(staging, run, "a"));
    expect(await releaseAll()).toEqual([expect.stringContaining("a is no longer in")]);
  });

  it("goes to stores that the repository knows, and names the nearest", () => {
    const stores = { root: "/releases", names: ["default", "testing"] };
    expect(releaseFolder(stores, "testing")).toBe("/releases/testing");
    expect(() => releaseFolder(stores, "tsting")).toThrow('did you mean "testing"?');
    expect(() => releaseFolder(stores, "../etc")).toThrow("there is no release store");
  });
});
