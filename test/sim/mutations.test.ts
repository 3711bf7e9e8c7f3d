import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSimulation, mutate } from "./build.ts";
import { mutations } from "./mutations.ts";
import { simulateAll } from "./pool.ts";

const MOST_SEEDS = 1_000;

describe("the simulation notices that no longer", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-mutants-"));
    buildSimulation(join(folder, "whole"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.concurrent.each(mutations.map((mutation, index) => ({ ...mutation, index })))(
    "$breaks",
    async (mutation) => {
      const mutant = join(folder, String(mutation.index));
      cpSync(join(folder, "whole"), mutant, { recursive: true, verbatimSymlinks: true });
      mutate(mutant, mutation);
      // Those that have noticed it before, then all others.
      const seeds = [...mutation.seeds, ...Array.from({ length: MOST_SEEDS }, (_, index) => index + 1)];
      let noticed: string | undefined;
      for await (const { finding } of simulateAll(seeds, { folder: mutant, workers: 1 })) {
        noticed = finding?.promise;
        if (noticed !== undefined) break;
      }
      expect(noticed).toBeDefined();
    },
  );
});
