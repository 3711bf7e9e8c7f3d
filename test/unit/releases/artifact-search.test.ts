import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ArtifactQuestion, searchStore } from "../../../coordinator/releases/artifact-search.ts";
import { PackageStore } from "../../../coordinator/releases/package-store.ts";
import { additionOf, provenanceOf } from "./sample-provenance.ts";

let root: string;
let store: PackageStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-search-"));
  store = await PackageStore.open(root, Date.now());
  const files = { "a-1.pkg": "1" };
  const environment: [string, string][] = [
    ["CC", "gcc"],
    ["DEBUG", "1"],
  ];
  await store.put(additionOf(provenanceOf("a 1", files, { environment }), files));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const a: ArtifactQuestion = { name: "a", version: "1", environment: [] };

async function found(question: ArtifactQuestion): Promise<number> {
  return (await searchStore(store, question)).length;
}

describe("the search for artifacts", () => {
  it("finds one by its package, and tells where its files are", async () => {
    expect(await searchStore(store, a)).toMatchObject([
      { name: "a", version: "1", paths: [join(root, "a-1.pkg")], at: "2026-08-01T12:01:00.000Z" },
    ]);
    expect(await found({ ...a, version: "2" })).toBe(0);
    expect(await found({ ...a, name: "b" })).toBe(0);
  });

  it("goes by image, script, and variables that it had among others", async () => {
    expect(await found({ ...a, image: "debian:bullseye" })).toBe(1);
    expect(await found({ ...a, image: "alpine" })).toBe(0);
    expect(await found({ ...a, script: "#!/bin/bash\n" })).toBe(1);
    expect(await found({ ...a, script: "#!/bin/bash\necho\n" })).toBe(0);
    expect(await found({ ...a, environment: [["DEBUG", "1"]] })).toBe(1);
    expect(await found({ ...a, environment: [["DEBUG", "2"]] })).toBe(0);
    expect(await found({ ...a, environment: [["OTHER", "1"]] })).toBe(0);
  });

  it("leaves out what has lost a file", async () => {
    await rm(join(root, "a-1.pkg"));
    expect(await found(a)).toBe(0);
  });

  it("finds butido's releases by their names, where nothing else is asked of them", async () => {
    await writeFile(join(root, "b-2.pkg"), "");
    const b: ArtifactQuestion = { name: "b", version: "2", environment: [] };
    expect(await searchStore(store, b)).toMatchObject([
      { paths: [join(root, "b-2.pkg")], provenance: undefined },
    ]);
    expect(await found({ ...b, script: "" })).toBe(0);
    expect(await found({ ...b, image: "alpine" })).toBe(0);
    expect(await found({ ...b, environment: [["A", "1"]] })).toBe(0);
  });

  it("reads no more of a store than the packages it is about", async () => {
    const files = { "c-1.pkg": "1" };
    await store.put(additionOf(provenanceOf("c 1", files), files));
    expect([...(await PackageStore.read(root, ["c"])).artifacts()]).toHaveLength(1);
  });
});
