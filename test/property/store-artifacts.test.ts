import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ArtifactStore } from "../../shared/store/artifact-store.ts";
import { comparePaths, encodeManifest, makeManifest } from "../../shared/store/manifest.ts";
import { targetProblem } from "../../shared/store/safe-path.ts";
import { MemoryObjects } from "../unit/store/memory-objects.ts";

const name = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "lib",
    ".hidden",
    "x.o",
    "__proto__",
    "with space",
    "\u{1F600}",
    "\uE000",
    "é",
    "-rf",
  ),
  fc.stringMatching(/^[!-.0-~]{1,120}$/).filter((text) => text !== "." && text !== ".."),
);
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const node = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ content: fc.uint8Array({ maxLength: 3000 }), executable: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ size: fc.integer({ min: 250_000, max: 600_000 }) }) },
  { weight: 2, arbitrary: fc.record({ target: path }) },
  { weight: 1, arbitrary: fc.constant({ folder: true }) },
);
const tree = fc.array(fc.tuple(path, node), { maxLength: 12 });

async function plant(root: string, nodes: [string, object][]): Promise<void> {
  for (const [at, what] of nodes) {
    const place = join(root, at);
    try {
      await mkdir(dirname(place), { recursive: true });
      if ("folder" in what) await mkdir(place);
      else if ("target" in what) await symlink(what.target as string, place);
      else if ("size" in what) await writeFile(place, Buffer.alloc(what.size as number, at), { flag: "wx" });
      else if ("content" in what) {
        await writeFile(place, what.content as Uint8Array, { flag: "wx" });
        if ("executable" in what && what.executable) await chmod(place, 0o755);
      }
    } catch {
      // The path is taken, or leads through a file or a link: the tree goes without it.
    }
  }
}

it("gives back any tree as it was", async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (nodes) => {
      const folder = await mkdtemp(join(tmpdir(), "millrace-tree-"));
      try {
        const root = join(folder, "in");
        await mkdir(root);
        await plant(root, nodes);
        const store = new ArtifactStore(new MemoryObjects());
        const stored = await store.upload(root, ["."]);
        await store.download(stored?.digest ?? "", join(folder, "out"));
        const again = await new ArtifactStore(new MemoryObjects()).upload(join(folder, "out"), ["."]);
        expect(again).toEqual(stored);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 60 },
  );
});

it("orders paths by their bytes", () => {
  fc.assert(
    fc.property(path, path, (a, b) => {
      expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
  );
});

it("makes the same manifest of the same entries in any order", () => {
  const entries = fc
    .uniqueArray(name, { maxLength: 20 })
    .map((names) => names.map((each) => ({ path: each, type: "folder" as const })));
  fc.assert(
    fc.property(
      entries.chain((list) =>
        fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
      ),
      ([list, shuffled]) => {
        expect(encodeManifest(makeManifest(shuffled))).toEqual(encodeManifest(makeManifest(list)));
      },
    ),
  );
});

it("never accepts a target that the plain rules of paths lead outside", () => {
  const part = fc.constantFrom("..", ".", "a", "b", "");
  fc.assert(
    fc.property(path, fc.array(part, { maxLength: 8 }), (at, parts) => {
      const target = parts.join("/");
      if (targetProblem(at, target) !== undefined) return;
      let depth = at.split("/").length - 1;
      for (const step of parts) {
        if (step === "..") depth -= 1;
        else if (step !== "." && step !== "") depth += 1;
        expect(depth).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 1000 },
  );
});
