import type { Change } from "../../coordinator/core/change.ts";
import type { CarriedJob, RunRecord } from "../../coordinator/core/record.ts";
import * as decide from "../../coordinator/core/run-decide.ts";
import { fold } from "../../coordinator/core/run-fold.ts";
import { jobAt, liveAttempt, newRunState, type RunState } from "../../coordinator/core/run-state.ts";
import { runOptionsSchema } from "../../shared/model/api.ts";
import { compileGraph } from "../../shared/model/graph.ts";
import { graphSpecSchema, type JobSpecInput } from "../../shared/model/job-spec.ts";
import type { AttemptRef, ReportItem } from "../../shared/model/messages.ts";
import type { AttemptResult, Outcome, RanOn } from "../../shared/model/outcome.ts";
import { routineReturn } from "../../shared/model/return-reason.ts";

/** Job specs by name: `{ a: {}, b: { needs: ["a"] } }`. */
export type Sketch = Readonly<
  Record<string, Omit<Partial<JobSpecInput>, "needs" | "name"> & { readonly needs?: readonly string[] }>
>;

export function jobsOf(sketch: Sketch): JobSpecInput[] {
  return Object.entries(sketch).map(([name, { needs = [], ...rest }]) => ({
    run: { script: "true" },
    ...rest,
    name,
    needs: needs.map((job) => ({ job })),
  }));
}

export const succeeded: Outcome = { kind: "succeeded" };
export const failed: Outcome = { kind: "failed", reason: "exit", exitCode: 1 };

export function resultOf(outcome: Outcome, artifact: AttemptResult["artifact"] = null): AttemptResult {
  return { outcome, wallMs: 5, cpuMs: null, peakMemoryBytes: null, artifact, logBytes: 0 };
}

/** Drives one run through decisions and the fold, by job names, with a clock moved by hand. */
export class RunDriver {
  readonly state: RunState;
  readonly records: RunRecord[] = [];
  readonly changes: Change[] = [];
  /** Records that changed nothing anybody hears of. */
  readonly inVain: RunRecord[] = [];
  now = 1_000;
  #leases = 0;

  constructor(
    sketch: Sketch | readonly JobSpecInput[],
    options: Partial<RunState["options"]> = {},
    retry?: { of: string; carried: { inline: CarriedJob[] } },
  ) {
    const jobs = Array.isArray(sketch) ? sketch : jobsOf(sketch as Sketch);
    const spec = graphSpecSchema.parse({ jobs });
    const compilation = compileGraph(spec);
    if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
    const runOptions = runOptionsSchema.parse(options);
    const submitted = {
      type: "submitted" as const,
      at: this.now,
      name: null,
      graph: { inline: spec },
      jobs: spec.jobs.length,
      options: runOptions,
      ...(retry === undefined ? {} : { retry }),
    };
    this.state = newRunState("r1", spec, compilation.graph, submitted, retry?.carried.inline);
    this.record([submitted]);
  }

  record(records: readonly RunRecord[]): void {
    for (let next = records; next.length > 0; next = decide.onSettled(this.state, this.now)) {
      for (const record of next) {
        const changes = fold(this.state, record);
        this.records.push(record);
        this.changes.push(...changes);
        if (changes.length === 0) this.inVain.push(record);
      }
    }
  }

  index(name: string): number {
    const index = this.state.graph.indexOf.get(name);
    if (index === undefined) throw new Error(`no job ${name}`);
    return index;
  }

  phase(name: string): string {
    return this.state.jobs[this.index(name)]?.phase ?? "?";
  }

  phases(): Record<string, string> {
    return Object.fromEntries(this.state.graph.names.map((name) => [name, this.phase(name)]));
  }

  grant(name: string, agent = "host", incarnation = `${agent}-1`): boolean {
    this.#leases += 1;
    const grant = { job: this.index(name), agent, incarnation, lease: `lease-${this.#leases}` };
    const records = decide.onGranted(this.state, grant, this.now);
    this.record(records);
    return records.length > 0;
  }

  finish(
    name: string,
    outcome: Outcome = succeeded,
    artifact: AttemptResult["artifact"] = null,
  ): decide.Decision {
    return this.#report({ kind: "finished", ...this.#attempt(name), result: resultOf(outcome, artifact) });
  }

  /** It succeeds, and its agent says where it ran. */
  finishOn(name: string, ranOn: RanOn, artifact: AttemptResult["artifact"] = null): decide.Decision {
    const result = resultOf(succeeded, artifact);
    return this.#report({ kind: "finished", ...this.#attempt(name), result, ranOn });
  }

  /** Its agent tells what its marks say. */
  tell(name: string, phase: string | null, percent: number | null): decide.Decision {
    return this.#report({ kind: "progress", ...this.#attempt(name), phase, percent });
  }

  /** Its agent gives it back without having started it. */
  giveBack(name: string, reason: string = routineReturn.recalled): decide.Decision {
    return this.#report({ kind: "returned", ...this.#attempt(name), reason });
  }

  /** Grants and finishes. */
  execute(name: string, outcome: Outcome = succeeded): void {
    if (!this.grant(name)) throw new Error(`${name} did not take the grant: ${this.phase(name)}`);
    this.finish(name, outcome);
  }

  #attempt(name: string): AttemptRef {
    const job = this.index(name);
    const attempt = liveAttempt(this.state.jobs[job] as never);
    if (attempt === undefined) throw new Error(`${name} has no attempt in force`);
    return { run: "r1", job, attempt: attempt.attempt, lease: attempt.lease };
  }

  #report(item: ReportItem): decide.Decision {
    const agent = liveAttempt(jobAt(this.state, item.job))?.agent ?? "host";
    const decision = decide.onReported(this.state, agent, item, this.now, 0.5);
    this.record(decision.records);
    return decision;
  }
}
