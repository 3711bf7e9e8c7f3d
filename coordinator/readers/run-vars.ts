import type { GraphSpecInput } from "../../shared/model/job-spec.ts";
import { didYouMean } from "../../shared/model/nearest-name.ts";

export type VarsResult =
  | { readonly ok: true; readonly graph: GraphSpecInput }
  /** One message for each assignment that cannot be made. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Sets variables of a run from `NAME=VALUE` texts; the last assignment to a name counts. */
export function applyVars(graph: GraphSpecInput, assignments: readonly string[]): VarsResult {
  const values = new Map(graph.vars ?? []);
  const problems: string[] = [];
  for (const assignment of assignments) {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(assignment) ?? [];
    if (name === undefined || value === undefined) {
      problems.push(`--var ${assignment}: must be NAME=VALUE`);
    } else if (!values.has(name)) {
      const known = values.size === 0 ? "; the run file has no vars" : didYouMean(name, values.keys());
      problems.push(
        `--var ${assignment}: there is no variable ${JSON.stringify(name)} in the run file${known}`,
      );
    } else if (value.includes("\0") || !value.isWellFormed()) {
      problems.push(`--var ${name}: must be text without NUL characters`);
    } else values.set(name, value);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, graph: values.size === 0 ? graph : { ...graph, vars: [...values] } };
}
