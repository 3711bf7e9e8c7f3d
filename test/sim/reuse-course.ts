/**
 * Reuse, in some seeds, drawn from a source of its own, so that all others go their way: jobs that may be reused, what they
 * make, twins of runs, hosts that differ, and a store of results that is slow, silent or refuses.
 */
import { seededRandomness } from "../../shared/actor/randomness.ts";
import type { JobSpecInput } from "../../shared/model/job-spec.ts";
import { Chance } from "./chance.ts";
import { type JobScript, writeScript } from "./job-script.ts";
import { SOUND_MEMORY } from "./result-memory.ts";
import { ENDLESS, type Submission } from "./workload.ts";
import type { World } from "./world.ts";

const REUSE_SEED = 2 ** 35;
const LIKELIHOOD = 0.2;

/** Undefined in a seed without reuse. */
export function drawReuse(seed: number): Chance | undefined {
  const chance = new Chance(seededRandomness(seed + REUSE_SEED));
  return chance.happens(LIKELIHOOD) ? chance : undefined;
}

/** The run as it is, in a seed with reuse with most of its jobs reusable. */
export function withReuse({ reuse: chance }: World, submission: Submission): Submission {
  if (chance === undefined) return submission;
  const share = chance.pick([0.5, 0.9, 1]);
  const jobs = submission.jobs.map((job): JobSpecInput => {
    if (job.name === ENDLESS || !("script" in job.run) || !chance.happens(share)) return job;
    const script = JSON.parse(job.run.script) as JobScript;
    const makes = chance.pick(["anew", "same", "same", "constant"] as const);
    return { ...job, reuse: true, run: { script: writeScript({ ...script, makes }) } };
  });
  return { ...submission, jobs };
}

/** Runs with equal jobs, at random times; some of their jobs have changed. */
export function twinsOf(
  { reuse: chance }: World,
  submission: Submission,
  lastMs: number,
): { readonly atMs: number; readonly twin: Submission }[] {
  if (chance === undefined) return [];
  const count = chance.pick([1, 1, 2, 3]);
  return Array.from({ length: count }, (_, index) => {
    const changed = chance.pick([0, 0, 0.05, 0.3]);
    const jobs = submission.jobs
      .filter(({ name }) => name !== ENDLESS)
      .map((job): JobSpecInput => {
        return chance.happens(changed) ? { ...job, env: [["CHANGE", String(chance.between(1, 2))]] } : job;
      });
    const options = {
      ...submission.options,
      reuse: !chance.happens(0.1),
      cutoff: !chance.happens(0.2),
      priority: chance.pick([500, 100]),
    };
    const atMs = chance.pick([0, chance.between(0, lastMs), chance.between(0, 3_000)]);
    return { atMs, twin: { run: `${submission.run}-twin-${index + 1}`, jobs, options } };
  });
}

/** What the host of an agent is said to be: the same for all, but for one in few seeds. */
export function identitiesOf(chance: Chance | undefined): (agent: string) => string {
  const hasOther = chance?.happens(0.1) === true;
  return (agent) => (hasOther && agent === "agent-2" ? "another kind" : "simulated");
}

/** The store of results is in trouble for a while, now and then. */
export function scheduleMemoryTrouble(world: World, lastMs: number): void {
  const { reuse: chance, clock, coverage, trace } = world;
  if (chance === undefined || chance.happens(0.4)) return;
  for (let times = chance.between(1, 3); times > 0; times--) {
    const trouble = {
      longestMs: chance.pick([5, 300, 3_000, 8_000]),
      silences: chance.pick([0, 0, 0.2, 1]),
      refusals: chance.pick([0, 0.3]),
    };
    clock.schedule(chance.between(0, lastMs), () => {
      if (world.isAtPeace) return;
      coverage.count("store of results troubled");
      trace.add("results", () => `FAULT ${JSON.stringify(trouble)}`);
      world.memoryTrouble = trouble;
      clock.schedule(chance.between(500, 20_000), () => {
        world.memoryTrouble = SOUND_MEMORY;
      });
    });
  }
}
