import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anySite } from "../../coordinator/readers/packages/dependency.ts";
import { type MergedLayers, mergeLayer, noLayers } from "../../coordinator/readers/packages/layer-merge.ts";
import { type Package, packageTitle } from "../../coordinator/readers/packages/package.ts";
import { packageGraph } from "../../coordinator/readers/packages/package-graph.ts";
import { PackageIndex } from "../../coordinator/readers/packages/package-index.ts";
import type { PackageLayer } from "../../coordinator/readers/packages/package-layer.ts";

const key = fc.constantFrom("a", "b", "__proto__");
const text = fc.constantFrom("1", "2", "3");
const texts = fc.array(text, { maxLength: 2 });
const pairs = fc.array(fc.tuple(key, text), { maxLength: 3 }).map((list) => new Map(list));

const layer: fc.Arbitrary<PackageLayer> = fc.record(
  {
    name: text,
    version: text,
    patches: texts,
    environment: pairs,
    meta: pairs,
    dependencies: fc.record({ build: texts, runtime: texts }, { requiredKeys: [] }),
    sources: fc
      .array(
        fc.tuple(
          key,
          fc.record(
            { url: text, hash: fc.record({ hash: text }, { requiredKeys: [] }) },
            { requiredKeys: [] },
          ),
        ),
        { maxLength: 3 },
      )
      .map((list) => new Map(list)),
    phases: fc
      .array(fc.tuple(key, fc.record({ script: text })), { maxLength: 3 })
      .map((list) => new Map(list)),
  },
  { requiredKeys: [] },
);

function merged(layers: readonly PackageLayer[]): MergedLayers {
  return layers.reduce((above, next, depth) => mergeLayer(above, next, `${depth}`), noLayers);
}

describe("layers of a package", () => {
  test("give what the deepest file that has a key says", () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
        const result = merged(layers);
        const last = <T>(of: (one: PackageLayer) => T | undefined): T | undefined =>
          layers.map(of).findLast((value) => value !== undefined);
        expect(result.name).toEqual(last((one) => one.name));
        expect(result.dependencies.build).toEqual(last((one) => one.dependencies?.build));
        expect(result.patches?.map(({ path }) => path)).toEqual(last((one) => one.patches));
        for (const name of ["a", "b", "__proto__"]) {
          expect(result.environment?.get(name)).toEqual(last((one) => one.environment?.get(name)));
          expect(result.sources.get(name)?.hash?.hash).toEqual(
            last((one) => one.sources?.get(name)?.hash?.hash),
          );
          expect(result.phases.get(name)).toEqual(last((one) => one.phases?.get(name)));
        }
      }),
    );
  });

  test("do not change by one that says nothing, nor does merging change them", () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 3 }), fc.nat(3), (layers, at) => {
        const before = structuredClone(layers);
        const padded = layers.toSpliced(at, 0, {});
        // Folders are numbered by depth, so those of patches are left out.
        const plain = (value: MergedLayers): unknown => ({
          ...value,
          patches: value.patches?.map(({ path }) => path),
        });
        expect(plain(merged(padded))).toEqual(plain(merged(layers)));
        expect(layers).toEqual(before);
      }),
    );
  });
});

describe("the order of packages", () => {
  test("has each package after all that it needs, whatever the graph", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 }),
        (wishes) => {
          const packages = wishes.map((targets, at) =>
            packageNeeding(
              at,
              targets.filter((target) => target < at),
            ),
          );
          const reading = packageGraph(new PackageIndex(packages), packages.slice(-2), anySite);
          if (!reading.ok) throw new Error(reading.mistakes.map(({ message }) => message).join("\n"));
          const { graph } = reading;
          expect(new Set(graph.packages.map(packageTitle)).size).toBe(graph.packages.length);
          for (const [at, needs] of graph.needs.entries()) {
            expect(needs.every(({ index }) => index < at)).toBe(true);
            const named = new Set(
              graph.packages[at]!.dependencies.runtime.map((dependency) => dependency.text),
            );
            expect(new Set(needs.map(({ index }) => `${graph.packages[index]!.name} =1`))).toEqual(named);
          }
        },
      ),
    );
  });
});

function packageNeeding(at: number, targets: readonly number[]): Package {
  return {
    name: `p${at}`,
    version: "1",
    versionIsSemver: false,
    sources: [],
    dependencies: {
      build: [],
      runtime: targets.map((target) => ({ text: `p${target} =1`, condition: undefined })),
    },
    patches: [],
    environment: undefined,
    allowedImages: undefined,
    deniedImages: undefined,
    phases: new Map(),
    phaseFiles: [],
    meta: undefined,
    folder: `p${at}`,
  };
}
