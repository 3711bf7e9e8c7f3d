import { describe, expect, it } from "vitest";
import { coverWithLayers } from "../../../agent/core/layer-cover.ts";

const layer = (...digests: string[]) => ({ digests });

/** What a job in a graph needs, each with what that needs. */
function closures(needs: readonly (readonly number[])[]): string[][] {
  const known: Set<number>[] = [];
  for (const own of needs) known.push(new Set(own.flatMap((need) => [...known[need]!, need])));
  return known.map((set) => [...set].map(String));
}

/** How many links it takes to give the inputs of all jobs to them, one job after the other. */
function linksFor(inputs: readonly string[][]): number {
  const layers: { readonly digests: readonly string[] }[] = [];
  let links = 0;
  for (const one of inputs) {
    layers.sort((a, b) => b.digests.length - a.digests.length);
    const { taken, rest } = coverWithLayers(one, layers);
    expect([...taken.flatMap(({ digests }) => digests), ...rest].sort()).toEqual([...one].sort());
    expect(taken.length).toBeLessThanOrEqual(12);
    links += rest.length;
    if (rest.length > 0) layers.push({ digests: rest });
  }
  return links;
}

describe("covering the inputs of a job with layers", () => {
  it("takes what is there, and leaves the rest in its order", () => {
    const layers = [layer("b", "c", "d"), layer("e", "a")];
    expect(coverWithLayers(["x", "a", "b", "c", "d", "e", "y"], layers)).toEqual({
      taken: layers,
      rest: ["x", "y"],
    });
  });

  it("takes no layer with something that the job does not need, or has already", () => {
    const layers = [layer("a", "b", "c"), layer("c", "d"), layer("a", "q")];
    expect(coverWithLayers(["a", "b", "c", "d"], layers)).toEqual({ taken: [layers[0]], rest: ["d"] });
  });

  it("makes small layers again as part of a larger one", () => {
    const inputs = Array.from({ length: 1_000 }, (_, at) => `${at}`);
    const { taken, rest } = coverWithLayers(
      inputs,
      inputs.map((digest) => layer(digest)),
    );
    expect([taken.length, rest.length]).toEqual([0, 1_000]);
  });

  it("makes far fewer links than there are inputs, in a chain and in layers of a deep graph", () => {
    const chain = closures(Array.from({ length: 600 }, (_, at) => (at === 0 ? [] : [at - 1])));
    const width = 12;
    const deep = closures(
      Array.from({ length: 600 }, (_, at) => {
        const below = (Math.floor(at / width) - 1) * width;
        return below < 0
          ? []
          : [below + (at % width), below + ((at * 5) % width), below + ((at * 7) % width)];
      }).map((needs) => [...new Set(needs)]),
    );
    for (const inputs of [chain, deep]) {
      const all = inputs.reduce((sum, one) => sum + one.length, 0);
      expect(linksFor(inputs)).toBeLessThan(all / 5);
    }
  });
});
