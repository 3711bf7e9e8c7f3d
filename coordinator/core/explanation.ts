/** Why a job is where it is: `millrace explain`. Pure reading of the run's state and the scheduler. */

import type { Explanation } from "../../shared/model/api.ts";
import { targetsOf } from "../../shared/model/graph.ts";
import { describeOutcome } from "../../shared/model/outcome.ts";
import type { Estimate } from "./estimates.ts";
import type { CarriedJob } from "./record.ts";
import { misfit, requirementOf } from "./requirement.ts";
import { restMs } from "./retry.ts";
import { isUndecided } from "./reuse-decide.ts";
import { reuseReasons } from "./reuse-explanation.ts";
import { isFinal, type Job, jobAt, liveAttempt, priorityOf, type RunState, specAt } from "./run-state.ts";
import type { Scheduler } from "./scheduler.ts";

type Reason = Explanation["reasons"][number];

const MAX_LISTED = 20;

export function explain(
  state: RunState,
  index: number,
  scheduler: Scheduler,
  now: number,
  estimate?: Estimate,
): Explanation {
  const job = jobAt(state, index);
  const place = job.phase === "ready" ? scheduler.queuePosition(state.run, index) : undefined;
  return {
    run: state.run,
    job: specAt(state, index).name,
    phase: job.phase,
    reasons: [
      ...reasonsFor(state, index, job, scheduler, now),
      ...reuseReasons(state, index),
      ...(estimate === undefined || isFinal(job.phase) ? [] : [usualDuration(estimate)]),
      ...earlierAttempts(job),
    ],
    queuePosition: place?.position ?? null,
    queueLength: place?.length ?? null,
  };
}

function reasonsFor(state: RunState, index: number, job: Job, scheduler: Scheduler, now: number): Reason[] {
  const carried = state.carried.get(index);
  if (carried !== undefined) return [carriedReason(job, carried)];
  switch (job.phase) {
    case "waiting":
      return needsReasons(state, index);
    case "ready":
      return readyReasons(state, index, job, scheduler, now);
    case "assigned":
    case "running":
      return placedReasons(job, scheduler);
    case "blocked": {
      const culprit = job.rootCause === null ? "a job it needs" : specAt(state, job.rootCause).name;
      return [{ code: "blocked", message: `it needs ${culprit}, which did not succeed` }];
    }
    case "succeeded":
      return job.reuse?.kind === "reused" ? [] : [{ code: "succeeded", message: "it succeeded" }];
    case "failed": {
      const outcome = job.outcome ?? job.attempts.at(-1)?.result?.outcome;
      return [{ code: "failed", message: outcome === undefined ? "it failed" : describeOutcome(outcome) }];
    }
    case "skipped":
    case "cancelled":
      return [{ code: job.phase, message: job.reason ?? job.phase }];
  }
}

function carriedReason({ phase }: Job, { run, attempt, agent, outcome }: CarriedJob): Reason {
  const where = attempt === null ? "" : ` with attempt ${attempt} on ${agent}`;
  const how = outcome.kind === "succeeded" ? "succeeded" : `failed as allowed (${describeOutcome(outcome)})`;
  return { code: phase, message: `it ${how} in run ${run}${where}, and was carried over` };
}

function needsReasons(state: RunState, index: number): Reason[] {
  const open = [...targetsOf(state.graph.needs, index)].filter((need) => !isFinal(jobAt(state, need).phase));
  const reasons = open.slice(0, MAX_LISTED).map((need) => ({
    code: "needs",
    message: `needs ${specAt(state, need).name}, which is ${jobAt(state, need).phase}`,
  }));
  if (open.length > MAX_LISTED)
    reasons.push({ code: "needs", message: `and ${open.length - MAX_LISTED} more` });
  return reasons;
}

function readyReasons(state: RunState, index: number, job: Job, scheduler: Scheduler, now: number): Reason[] {
  if (state.priority === 0) return [{ code: "held", message: "the run is held: its priority is 0" }];
  if (priorityOf(state, index) === 0)
    return [{ code: "held", message: "the job is held: its priority is 0" }];
  const waitMs = Math.max((job.readyAt ?? 0) - now, restMs(job.attempts, now));
  if (waitMs > 0) {
    const seconds = Math.ceil(waitMs / 1000);
    return [{ code: "backoff", message: `it is tried again in ${seconds} s` }];
  }
  if (isUndecided(state, index)) {
    // What it has joined is told beside this.
    if (job.reuse !== null) return [];
    return [{ code: "looking", message: "it is being looked for an equal job that has succeeded" }];
  }
  const requirement = requirementOf(specAt(state, index), state.options.pool);
  const offers = scheduler.offers();
  if (scheduler.pauseReason !== null) return [{ code: "storage", message: scheduler.pauseReason }];
  if (offers.length === 0) return [{ code: "agents", message: "no agent is registered" }];
  const avoided = scheduler.avoidedBy(state.run, index);
  const misfits: Reason[] = [];
  const able: string[] = [];
  for (const offer of offers) {
    const problem = misfit(requirement, offer);
    if (problem !== undefined)
      misfits.push({ code: problem.code, message: `${offer.name}: ${problem.message}` });
    else if (offer.mode !== "active")
      able.push(`${offer.name} is ${offer.mode}${offer.trouble === undefined ? "" : `: ${offer.trouble}`}`);
    else if (avoided.includes(offer.name))
      able.push(`${offer.name} is avoided, as it has failed or was refused there`);
    else {
      const { placed, slots } = scheduler.load(offer.name);
      able.push(`${offer.name} has ${placed} jobs for ${slots} slots`);
    }
  }
  if (able.length > 0) {
    const shown = able.slice(0, MAX_LISTED).join("; ");
    return [{ code: "slot", message: `waits for a slot: ${shown}` }];
  }
  return [
    { code: "unschedulable", message: "no registered agent can run it" },
    ...misfits.slice(0, MAX_LISTED),
  ];
}

function placedReasons(job: Job, scheduler: Scheduler): Reason[] {
  const attempt = liveAttempt(job);
  if (attempt === undefined) return [];
  if (job.phase === "running") return [{ code: "running", message: `runs on ${attempt.agent}` }];
  const { placed, slots } = scheduler.load(attempt.agent);
  const load = `it has ${placed} jobs for ${slots} slots`;
  return [{ code: "assigned", message: `given to ${attempt.agent}, not yet started; ${load}` }];
}

function usualDuration({ medianMs, spreadMs, runs }: Estimate): Reason {
  const when = runs === 1 ? "when it ran last" : `the last ${runs} times, give or take ${seconds(spreadMs)}`;
  return { code: "estimate", message: `it took ${seconds(medianMs)} ${when}` };
}

function seconds(ms: number): string {
  return `${ms < 9_950 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`;
}

function earlierAttempts(job: Job): Reason[] {
  return job.attempts
    .filter((attempt) => attempt.endedAt !== null)
    .map((attempt) => {
      const end =
        attempt.returned ?? (attempt.result === null ? "ended" : describeOutcome(attempt.result.outcome));
      return { code: "attempt", message: `attempt ${attempt.attempt} on ${attempt.agent}: ${end}` };
    });
}
