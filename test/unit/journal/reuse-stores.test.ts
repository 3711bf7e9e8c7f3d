import { expect, test } from "vitest";
import { MemoryReuseStore } from "../../../coordinator/journal/memory-reuse-store.ts";
import { openReuseStores } from "../../../coordinator/journal/reuse-stores.ts";
import { MemoryObjects } from "../store/memory-objects.ts";

test("an artifact is there only with its manifest, and a manifest only with its artifact", async () => {
  const objects = new MemoryObjects();
  const { announce } = openReuseStores(new MemoryReuseStore(), objects);
  expect(await announce("d1")).toBe(false);
  await objects.put("artifact/d1", () => [Buffer.from("tar")]);
  expect(await announce("d1")).toBe(false);
  await objects.put("manifest/d1", () => [Buffer.from("{}")]);
  expect(await announce("d1")).toBe(true);
  await objects.remove("artifact/d1");
  expect(await announce("d1")).toBe(false);
});
