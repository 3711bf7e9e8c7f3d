import type { PlannedJob } from "../../readers/packages/build-plan.ts";
import { type Package, packageTitle } from "../../readers/packages/package.ts";

const MAX_NAME = 200;

/** What a build is called, such as `a 1, b 2`: the packages that nothing else of it needs. */
export function buildName(jobs: readonly Pick<PlannedJob, "name" | "package" | "needs">[]): string {
  const needed = new Set(jobs.flatMap(({ needs }) => needs));
  const roots = new Set<Package>();
  for (const job of jobs) if (!needed.has(job.name)) roots.add(job.package);
  const [first = "", ...others] = Array.from(roots, packageTitle);
  const name = [first, ...others].join(", ");
  if (name.length <= MAX_NAME) return name;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${first.slice(0, MAX_NAME - more.length)}${more}`;
}
