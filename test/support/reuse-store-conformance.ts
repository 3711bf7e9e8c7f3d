import { describe, expect, it } from "vitest";
import type { Remembered, ReuseStore } from "../../coordinator/journal/reuse-store.ts";

const digest = (digit: string): string => digit.repeat(64);

export function remembered(key: string, deepKey: string, run = "r1"): Remembered {
  const from = { run, job: "build all", attempt: 1, agent: "one" };
  const artifact = { digest: digest("a"), files: 1, bytes: 1 };
  return { v: 1, key: digest(key), deepKey: digest(deepKey), from, artifact, at: 1 };
}

/** What every store of results promises, whatever is beneath. Each test has one of its own. */
export function describeReuseStore(kind: string, open: () => Promise<ReuseStore>): void {
  describe(`a store of results over ${kind}`, () => {
    it("knows nothing of what nobody has remembered", async () => {
      const store = await open();
      expect(await store.find("key", digest("1"))).toBeUndefined();
      expect(await store.lastTime("build all")).toBeUndefined();
    });

    it("finds a result under the key that it was remembered by, the last one of each", async () => {
      const store = await open();
      await store.remember("key", remembered("1", "2"));
      await store.remember("key", remembered("1", "3", "r2"));
      await store.remember("deepKey", remembered("1", "2"));
      expect(await store.find("key", digest("1"))).toEqual(remembered("1", "3", "r2"));
      expect(await store.find("deepKey", digest("2"))).toEqual(remembered("1", "2"));
      expect(await store.find("deepKey", digest("3"))).toBeUndefined();
      expect(await store.find("key", digest("2"))).toBeUndefined();
    });

    it("knows what a job was the last time", async () => {
      const store = await open();
      const last = { v: 1 as const, run: "r1", components: [["command", digest("1")] as const] };
      await store.rememberTime("build all", { ...last, run: "r0", components: [] });
      await store.rememberTime("build all", last);
      await store.rememberTime("build.all", { ...last, run: "r2" });
      expect(await store.lastTime("build all")).toEqual(last);
    });

    it("takes very many at the same time", async () => {
      const store = await open();
      const keys = Array.from({ length: 2_000 }, (_, index) => index.toString(16).padStart(64, "0"));
      await Promise.all(keys.map((key) => store.remember("key", { ...remembered("0", "0"), key })));
      const found = await Promise.all(keys.map((key) => store.find("key", key)));
      expect(found.map((result) => result?.key)).toEqual(keys);
    });
  });
}
