import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { PackageStore } from "../../coordinator/releases/package-store.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { additionOf, type Files, provenanceOf } from "../unit/releases/sample-provenance.ts";

/** What somebody may ask of a store: paths are few, so that artifacts get into each other's way. */
const files = fc
  .uniqueArray(fc.constantFrom("x", "y", "d/x", "d/y", "d/e/z", "x/y", "d"), { minLength: 1, maxLength: 3 })
  .filter((paths) => !paths.some((path) => paths.some((other) => other.startsWith(`${path}/`))))
  .chain((paths) => fc.tuple(...paths.map((path) => fc.tuple(fc.constant(path), fc.constantFrom("1", "2")))))
  .map((entries): Files => Object.fromEntries(entries));
const step = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    owner: fc.constantFrom("a 1", "a 2", "b 1"),
    files,
    replace: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("remove" as const), position: fc.nat(3) }),
  fc.record({ kind: fc.constant("reopen" as const) }),
);

/** Every file that people see, with its content. */
async function contents(root: string): Promise<Map<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes(".millrace"));
  const pairs = found.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(root.length + 1), await readFile(path, "utf8")] as const;
  });
  return new Map(await Promise.all(pairs));
}

it("a store has exactly the files of the artifacts that it lists, whatever was put, replaced and removed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const root = await mkdtemp(join(tmpdir(), "millrace-store-"));
      try {
        let store = await PackageStore.open(root, Date.now());
        const texts = new Map<string, Files>();
        for (const asked of steps) {
          if (asked.kind === "reopen") store = await PackageStore.open(root, Date.now());
          else if (asked.kind === "remove") {
            const listed = [...store.artifacts()];
            const chosen = listed[asked.position];
            if (chosen !== undefined) await store.remove(chosen);
          } else {
            const provenance = provenanceOf(asked.owner, asked.files);
            texts.set(provenance.artifact.digest, asked.files);
            const replacing = asked.replace ? store.conflicts(provenance) : [];
            await store.put({ ...additionOf(provenance, asked.files), replacing }).catch((error: unknown) => {
              if (!(error instanceof MillraceError && error.code === "conflict")) throw error;
            });
          }
          const expected = [...store.artifacts()].flatMap(({ artifact }) =>
            Object.entries(texts.get(artifact.digest) ?? {}),
          );
          expect(new Set(expected.map(([path]) => path)).size).toBe(expected.length);
          expect(await contents(root)).toEqual(new Map(expected));
          const reread = [...(await PackageStore.read(root)).artifacts()].map(
            ({ artifact }) => artifact.digest,
          );
          expect(reread.sort()).toEqual([...store.artifacts()].map(({ artifact }) => artifact.digest).sort());
        }
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    }),
    { numRuns: 40 },
  );
}, 30_000);
