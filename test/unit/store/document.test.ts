import { expect, it } from "vitest";
import { getDocument, putDocument } from "../../../shared/store/document.ts";
import { MemoryObjects } from "./memory-objects.ts";

it("gives a document back by its digest", async () => {
  const objects = new MemoryObjects();
  const value = { jobs: [{ name: "a" }], text: "ü".repeat(5000) };
  const digest = await putDocument(objects, "graph", value);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect([...objects.stored.keys()]).toEqual([`graph/${digest}`]);
  expect(await getDocument(objects, "graph", digest)).toEqual(value);
});

it("refuses a document whose bytes are another's", async () => {
  const objects = new MemoryObjects();
  const digest = await putDocument(objects, "data", 1);
  objects.stored.set(`data/${digest}`, Buffer.from("2"));
  await expect(getDocument(objects, "data", digest)).rejects.toMatchObject({ code: "corrupt" });
});
