/** Random graphs of simulated jobs: chains and fans, failures, retries, limits, conditions, 5 to 200 jobs. */
import type { JobSpecInput, RetryCause } from "../../shared/model/job-spec.ts";
import type { Chance } from "./chance.ts";
import { type Ending, FAILED_EXIT, writeScript } from "./job-script.ts";

export interface Submission {
  readonly run: string;
  readonly jobs: readonly JobSpecInput[];
  readonly options: {
    readonly keepGoing: boolean;
    readonly priority: number;
    readonly failUnschedulable?: boolean;
    readonly reuse?: boolean;
    readonly cutoff?: boolean;
  };
  /** Its graph is an object, which the submission names. */
  readonly isGraphStored?: boolean;
}

/** How rough a seed's jobs are: some seeds are all success, so that nothing hides in the noise. */
export interface Temper {
  readonly failures: number;
  readonly longestMs: number;
  /** How many of its jobs wait for a slot for a limited time only. */
  readonly impatience: number;
  /** How many of them ask for more than a slot. */
  readonly heaviness: number;
}

export function drawTemper(chance: Chance): Temper {
  return {
    failures: chance.pick([0, 0, 0.05, 0.2]),
    longestMs: chance.pick([50, 1_000, 8_000, 40_000]),
    impatience: chance.pick([0, 0, 0.02, 0.3]),
    heaviness: chance.pick([0.3, 0.3, 0.9]),
  };
}

/** In a large run no job is longer: on one slot it has to end, too. */
const MANY_JOBS = 20;
const MANY_JOBS_MS = 8_000;
/** Longer than an agent is away for in all its troubles. */
export const LONG_JOB_MS = 60_000;
/** The smallest agent has this; no job asks for more. */
export const LEAST_CPU = 2;
const GIBIBYTE = 2 ** 30;
const MOST_MEMORY_GIB = 5;
/** The agent that is never gone for good: some jobs run there only. */
export const LASTING_AGENT = "agent-1";
/** No agent has it. */
const MISSING_LABEL: [string, string] = ["arch", "unheard-of"];

export function drawSubmission(chance: Chance, run: string, temper: Temper): Submission {
  const size = chance.happens(0.04) ? chance.between(60, 200) : chance.skewed(5, 60);
  const width = chance.between(1, 8);
  const jobs: JobSpecInput[] = [];
  const longestMs = size > MANY_JOBS ? Math.min(temper.longestMs, MANY_JOBS_MS) : temper.longestMs;
  for (let index = 0; index < size; index++)
    jobs.push(drawJob(chance, index, width, { ...temper, longestMs }));
  const options = { keepGoing: !chance.happens(0.15), priority: chance.pick([500, 500, 100, 900]) };
  const isGraphStored = chance.happens(0.12);
  if (!chance.happens(0.12)) return { run, jobs, options, isGraphStored };
  const nowhere = chance.between(0, size - 1);
  return {
    run,
    jobs: jobs.map((job, index) => ({ ...job, labels: index === nowhere ? [MISSING_LABEL] : [] })),
    options: { ...options, failUnschedulable: true },
  };
}

/** A job that never ends by itself: only a cancellation ends its run. */
export const ENDLESS = "endless";

/** The submission with such a job in it, or with one that no agent can run. */
export function withEndlessJob(submission: Submission, isNowhere: boolean): Submission {
  const script = writeScript({ wallMs: 0, endings: ["hangs"], ignoresTerm: false, isChatty: true });
  const labels = isNowhere ? [MISSING_LABEL] : [];
  return { ...submission, jobs: [...submission.jobs, { name: ENDLESS, run: { script }, labels }] };
}

function drawJob(chance: Chance, index: number, width: number, temper: Temper): JobSpecInput {
  const name = `j${index}`;
  const needs = new Set<string>();
  const wanted = index === 0 ? 0 : chance.pick([0, 1, 1, 2, 3]);
  // Near ones make chains, any one makes fans.
  const nearest = chance.happens(0.8) ? Math.max(0, index - width) : 0;
  for (let count = 0; count < wanted; count++) needs.add(`j${chance.between(nearest, index - 1)}`);
  const endings = drawEndings(chance, temper);
  const hangs = endings.includes("hangs");
  const isTimed = hangs || chance.happens(0.1);
  const isLong = temper.longestMs > MANY_JOBS_MS && chance.happens(0.06);
  const wallMs = isLong ? LONG_JOB_MS : chance.skewed(1, temper.longestMs);
  const isRough = temper.failures > 0;
  return {
    name,
    needs: [...needs].map((job) => ({ job, transitive: chance.happens(0.1) })),
    run: {
      script: writeScript({
        wallMs,
        endings,
        ignoresTerm: chance.happens(0.1),
        isChatty: chance.happens(0.7),
        ...(chance.happens(0.1) ? { makes: "constant" as const } : {}),
      }),
    },
    outputs: chance.happens(0.7) ? ["out"] : [],
    labels: chance.happens(0.04) ? [["host", LASTING_AGENT]] : [],
    resources: drawResources(chance, temper),
    timeouts: {
      ...(isTimed ? drawTimeouts(chance, wallMs, hangs) : {}),
      ...(chance.happens(temper.impatience) ? { queueMs: chance.pick([200, 2_000, 10_000, 40_000]) } : {}),
    },
    retries: isRough && chance.happens(0.4) ? drawRetries(chance) : undefined,
    rerunAfterLoss: !chance.happens(endings.includes("vanishes") ? 0.3 : 0.03),
    priority: chance.happens(0.02) ? chance.between(1, 1_000) : 500,
    allowFailure: isRough && chance.happens(0.15),
    when: index > 0 && chance.happens(0.1) ? chance.pick(["always", "onFailure"] as const) : "success",
  };
}

function drawResources(chance: Chance, { heaviness }: Temper): NonNullable<JobSpecInput["resources"]> {
  const cpu = chance.happens(heaviness) ? { cpu: chance.between(1, LEAST_CPU) } : {};
  if (!chance.happens(0.1)) return cpu;
  return { ...cpu, memoryBytes: chance.between(1, MOST_MEMORY_GIB) * GIBIBYTE };
}

function drawTimeouts(chance: Chance, wallMs: number, hangs: boolean): NonNullable<JobSpecInput["timeouts"]> {
  const runMs = hangs ? chance.between(500, 3_000) : wallMs + 60_000;
  return hangs && chance.happens(0.3) ? { noOutputMs: 4_000, runMs: 20_000 } : { runMs };
}

/** Of all failures, or of some. */
function drawRetries(chance: Chance): NonNullable<JobSpecInput["retries"]> {
  const retries = { max: chance.between(1, 3), backoffMs: chance.pick([0, 200, 2_000]) };
  if (chance.happens(0.7)) return retries;
  const on: RetryCause[] = chance.pick([
    ["failure"],
    ["timeout"],
    ["outOfMemory", "timeout"],
    ["failure", "timeout"],
  ]);
  const exitCodes = chance.happens(0.3) ? {} : { exitCodes: [chance.between(FAILED_EXIT, FAILED_EXIT + 1)] };
  return { ...retries, on, ...exitCodes };
}

/** A failing job fails at first, or always. */
function drawEndings(chance: Chance, { failures }: Temper): Ending[] {
  if (!chance.happens(failures)) return ["succeeds"];
  const bad = chance.pick<Ending>(["fails", "fails", "crashes", "runsOutOfMemory", "hangs", "vanishes"]);
  if (chance.happens(0.3)) return [bad];
  return [...Array.from({ length: chance.between(1, 2) }, () => bad), "succeeds"];
}
