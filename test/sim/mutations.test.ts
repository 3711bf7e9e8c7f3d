import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSimulation } from "./build.ts";
import { findNoticing } from "./mutants.ts";
import { readSeeds } from "./mutation-seeds.ts";
import { mutations } from "./mutations.ts";

describe("the simulation notices that no longer", () => {
  const seeds = readSeeds();
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-mutants-"));
    buildSimulation(join(folder, "whole"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.concurrent.each(mutations)("$breaks", async (mutation) => {
    const remembered = seeds[mutation.breaks] ?? [];
    const options = { whole: join(folder, "whole"), remembered, limit: 1, workers: 1 };
    expect(await findNoticing(mutation, options)).not.toEqual([]);
  });
});
