import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allSeeds, findNoticing } from "./mutants.ts";
import { readSeeds } from "./mutation-seeds.ts";
import { mutations } from "./mutations.ts";

describe("the simulation notices that no longer", () => {
  const remembered = readSeeds();
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-mutants-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.concurrent.each(mutations)("$breaks", async (mutation) => {
    const seeds = [...new Set([...(remembered[mutation.breaks] ?? []), ...allSeeds])];
    expect(await findNoticing(mutation, { folder, seeds, limit: 1, workers: 1 })).not.toEqual([]);
  });
});
