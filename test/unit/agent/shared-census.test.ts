import { expect, test } from "vitest";
import type { CensusEntry } from "../../../agent/runners/process-census.ts";
import { SharedCensus } from "../../../agent/runners/shared-census.ts";
import { gate } from "../../support/actor-world.ts";

test("takes one census for all who asked before it began, and a later one for those who asked after", async () => {
  const begun: ReturnType<typeof gate>[] = [];
  const census = new SharedCensus(async () => {
    const going = gate();
    const number = begun.push(going);
    await going.opened;
    const entry: CensusEntry = {
      pid: number,
      startTicks: 1,
      session: 1,
      isKernel: false,
      attempt: undefined,
    };
    return [entry];
  });
  const pidsOf = async () => (await census.take()).map(({ pid }) => pid);
  const early = [pidsOf(), pidsOf()];
  await Promise.resolve();
  await Promise.resolve();
  expect(begun).toHaveLength(1);
  const late = [pidsOf(), pidsOf(), pidsOf()];
  begun[0]?.open();
  expect(await Promise.all(early)).toEqual([[1], [1]]);
  await Promise.resolve();
  expect(begun).toHaveLength(2);
  begun[1]?.open();
  expect(await Promise.all(late)).toEqual([[2], [2], [2]]);
});
