/**
 * The graphs that run under chaos, drawn from a seed. What a job makes is a digest of its name, of a salt of its run and
 * of all that its needs made, so the last artifacts of a run stand for everything in it; and no run finds the
 * artifacts of another one stored already. Nothing a job makes or logs depends on how often it was tried.
 */
import type { Randomness } from "../../shared/actor/contract.ts";
import { seededRandomness } from "../../shared/actor/randomness.ts";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";

export interface Workload {
  readonly run: string;
  readonly shape: Shape;
  readonly jobs: readonly JobSpecInput[];
}

/** Variables of an agent that reach its jobs. */
export const agentVariables = {
  /** File to which each execution appends its `MILLRACE_ATTEMPT`. */
  ledger: "CHAOS_LEDGER",
  /** Set where jobs need not take their time. */
  hurry: "CHAOS_HURRY",
} as const;

const shellShapes = ["layered", "chain", "unsteady", "fan", "bulky"] as const;
type Shape = (typeof shellShapes)[number] | "contained";

/** Draws the `number`-th run of a seed; with an image some run in containers. */
export function drawWorkload(seed: number, number: number, image: string | undefined): Workload {
  const shapes: readonly Shape[] = image === undefined ? shellShapes : [...shellShapes, "contained"];
  const shape = shapes[number % shapes.length]!;
  const randomness = seededRandomness(seed * 1000 + number);
  const salt = `${seed}.${number}`;
  return { run: `chaos-${seed}-${number}`, shape, jobs: jobsOf(shape, salt, randomness, image) };
}

function jobsOf(
  shape: Shape,
  salt: string,
  randomness: Randomness,
  image: string | undefined,
): JobSpecInput[] {
  const between = (from: number, to: number): number =>
    from + Math.floor(randomness.fraction() * (to - from + 1));
  const job = (name: string, needs: readonly string[], work: Partial<Work> = {}): JobSpecInput =>
    describeJob(name, needs, { salt, sleepMs: between(0, 600), logLines: between(10, 400), ...work });
  switch (shape) {
    case "layered":
      return layers(between(3, 4), between(3, 5), job);
    case "chain":
      return Array.from({ length: between(6, 10) }, (_, index) =>
        job(`link${index}`, index === 0 ? [] : [`link${index - 1}`]),
      );
    case "fan": {
      const parts = Array.from({ length: between(6, 12) }, (_, index) => `part${index}`);
      return [job("root", []), ...parts.map((part) => job(part, ["root"])), job("sink", parts)];
    }
    case "unsteady":
      return unsteadyJobs(job);
    case "bulky": {
      const parts = ["big0", "big1", "big2"];
      const bytes = (): number => between(8, 24) * 1024 * 1024 + between(0, 1000);
      return [
        ...parts.map((part) => job(part, [], { bytes: bytes() })),
        job("sink", parts, { logLines: 40_000 }),
      ];
    }
    case "contained": {
      const parts = ["box0", "box1", "box2"];
      const boxes = [...parts.map((part) => job(part, [])), job("sink", parts)];
      return boxes.map((box) => ({ ...box, ...(image === undefined ? {} : { image, network: "none" }) }));
    }
  }
}

type MakeJob = (name: string, needs: readonly string[], work?: Partial<Work>) => JobSpecInput;

function layers(depth: number, width: number, job: MakeJob): JobSpecInput[] {
  const name = (layer: number, index: number): string => `l${layer}x${index % width}`;
  const jobs: JobSpecInput[] = [];
  for (let layer = 0; layer < depth; layer++) {
    for (let index = 0; index < width; index++) {
      const needs = layer === 0 ? [] : [name(layer - 1, index), name(layer - 1, index + 1)];
      jobs.push(job(name(layer, index), needs));
    }
  }
  const last = Array.from({ length: width }, (_, index) => name(depth - 1, index));
  return [...jobs, job("sink", last)];
}

/** Jobs that fail once and for good, and what each of them means for others. */
function unsteadyJobs(job: MakeJob): JobSpecInput[] {
  const retries = { max: 20, backoffMs: 200 };
  return [
    { ...job("shaky", [], { failure: "firstAttempt" }), retries },
    { ...job("shaky-too", ["shaky"], { failure: "firstAttempt" }), retries },
    { ...job("tolerated", [], { failure: "always" }), allowFailure: true },
    job("after-tolerated", ["tolerated", "shaky"]),
    job("broken", ["shaky-too"], { failure: "always" }),
    job("blocked", ["broken"]),
    { ...job("always", ["broken", "shaky-too"]), when: "always" as const },
    { ...job("on-failure", ["broken"]), when: "onFailure" as const },
    { ...job("skipped", ["shaky"]), when: "onFailure" as const },
  ];
}

interface Work {
  readonly salt: string;
  readonly sleepMs: number;
  readonly logLines: number;
  /** Of a file beside the digest. */
  readonly bytes: number;
  readonly failure: "firstAttempt" | "always";
}

function describeJob(
  name: string,
  needs: readonly string[],
  { salt, sleepMs, logLines, bytes, failure }: Partial<Work>,
): JobSpecInput {
  const lines = [
    `[ -z "$${agentVariables.ledger}" ] || echo "$MILLRACE_ATTEMPT" >> "$${agentVariables.ledger}"`,
    `seq 1 ${logLines ?? 0}`,
    `[ -n "$${agentVariables.hurry}" ] || sleep ${((sleepMs ?? 0) / 1000).toFixed(2)}`,
    ...(failure === "always" ? ["exit 3"] : []),
    ...(failure === "firstAttempt" ? ['case "$MILLRACE_ATTEMPT" in */*/1/*) exit 4;; esac'] : []),
    ...(bytes === undefined ? [] : [`yes "${salt} ${name}" | head -c ${bytes} > big`]),
    `{ echo "${salt} ${name}"; for file in \${MILLRACE_INPUTS:+"$MILLRACE_INPUTS"/*/*}; do [ ! -f "$file" ] || cat "$file"; done; } | sha256sum > digest`,
    `echo "done: $(cat digest)"`,
  ];
  return {
    name,
    needs: needs.map((need) => ({ job: need })),
    run: { script: lines.join("\n") },
    outputs: bytes === undefined ? ["digest"] : ["digest", "big"],
  };
}
