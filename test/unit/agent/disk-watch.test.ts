import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { DiskWatch } from "../../../agent/workspaces/disk-watch.ts";

const folder = tmpdir();
const freeBytes = (): number => {
  const { bsize, bavail } = statfsSync(folder);
  return bsize * bavail;
};
const TOO_MUCH = Number.MAX_SAFE_INTEGER;

/** A watch over a real disk of which as much has to be free as the test says. */
function watching(makeRoom: (need: { bytes: number }) => void = () => undefined) {
  const need = { bytes: 0 };
  let made = 0;
  const watch = new DiskWatch({
    folders: [folder],
    minFree: need,
    makeRoom: async () => {
      made += 1;
      makeRoom(need);
    },
  });
  return { watch, need, made: () => made };
}

describe("the watch over a disk", () => {
  it("frees nothing as long as there is room", async () => {
    const { watch, made } = watching();
    expect(await watch.look()).toBeUndefined();
    expect(made()).toBe(0);
  });

  it("says nothing of trouble that is over when what can be had again is gone", async () => {
    const { watch, need, made } = watching((shortly) => {
      shortly.bytes = 0;
    });
    need.bytes = TOO_MUCH;
    expect(await watch.look()).toBeUndefined();
    expect(made()).toBe(1);
  });

  it("says which disk is short when nothing more can be freed", async () => {
    const { watch, need, made } = watching();
    need.bytes = TOO_MUCH;
    expect(await watch.look()).toContain(`the disk of ${folder} is nearly full`);
    expect(made()).toBe(1);
  });

  it("takes trouble for over only when there is a little more room than it takes to begin", async () => {
    const { watch, need } = watching();
    need.bytes = freeBytes() * 0.95;
    expect(await watch.look()).toBeUndefined();
    need.bytes = TOO_MUCH;
    expect(await watch.look()).toBeDefined();
    need.bytes = freeBytes() * 0.95;
    expect(await watch.look()).toBeDefined();
    need.bytes = 0;
    expect(await watch.look()).toBeUndefined();
  });

  it("fails when a folder is gone, rather than take it for room", async () => {
    const watch = new DiskWatch({
      folders: [folder, `${folder}/there is no such folder`],
      minFree: { bytes: 0 },
      makeRoom: () => Promise.resolve(),
    });
    await expect(watch.look()).rejects.toThrow("ENOENT");
  });

  it("knows whether nothing more can be written", () => {
    expect(watching().watch.isFull()).toBe(freeBytes() < 64 * 1024);
  });
});
