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

/**
 * The same graph for make, of jobs that are scripts. `true;:` is no plain command, so that make starts a shell for it as
 * we do.
 */
export function makefileOf(jobs: readonly JobSpecInput[]): string {
  const names = jobs.map((job) => job.name).join(" ");
  const rules = jobs.map(
    (job) => `${job.name}: ${(job.needs ?? []).map((need) => need.job).join(" ")}\n\t@${scriptOf(job)};:\n`,
  );
  return `all: ${names}\n.PHONY: all ${names}\n${rules.join("")}`;
}

/** One line of plain words, the same in files of make and ninja. */
export function scriptOf({ name, run }: JobSpecInput): string {
  if ("script" in run && /^[\w. ]+$/.test(run.script)) return run.script;
  throw new Error(`${name} has no script of one plain command`);
}
