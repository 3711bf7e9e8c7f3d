import type { JobSpecInput } from "../../shared/model/job-spec.ts";

/** Jobs in layers of `width`, each needing three of the layer before, chosen by a fixed rule; all run `true`. */
export function layeredJobs(count: number, width = 50): JobSpecInput[] {
  return Array.from({ length: count }, (_, index) => {
    const layer = Math.floor(index / width);
    const needs = new Set<string>();
    for (let edge = 0; layer > 0 && edge < 3; edge++) {
      needs.add(`j${(layer - 1) * width + ((index * 7 + edge * 13) % width)}`);
    }
    return { name: `j${index}`, run: { script: "true" }, needs: [...needs].map((job) => ({ job })) };
  });
}

/** The same graph for make. `true;:` is no plain command, so that make starts a shell for it as we do. */
export function makefileOf(jobs: readonly JobSpecInput[]): string {
  const names = jobs.map((job) => job.name).join(" ");
  const rules = jobs.map(
    ({ name, needs = [] }) => `${name}: ${needs.map((need) => need.job).join(" ")}\n\t@true;:\n`,
  );
  return `all: ${names}\n.PHONY: all ${names}\n${rules.join("")}`;
}
