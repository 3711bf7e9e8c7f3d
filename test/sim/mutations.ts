/** Decisions of the product, each broken on purpose: what the simulation has to notice. */
export interface Mutation {
  /** What is no longer done. */
  readonly breaks: string;
  readonly file: string;
  /** Found exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Seeds that have noticed it; they go first. */
  readonly seeds: readonly number[];
}

const DECIDE = "coordinator/core/run-decide.ts";
const FOLD = "coordinator/core/run-fold.ts";
const RETRY = "coordinator/core/retry.ts";
const COMMIT = "coordinator/core/group-commit.ts";
const FLEET = "coordinator/core/fleet.ts";
const LEASES = "coordinator/core/lease-reconciliation.ts";
const ORDERS = "coordinator/core/order-channel.ts";
const SCHEDULER = "coordinator/core/scheduler.ts";
const RUN = "coordinator/actors/run.ts";
const FLEET_ACTOR = "coordinator/actors/fleet.ts";
const CONSEQUENCES = "coordinator/actors/run-consequences.ts";
const RUN_JOBS = "coordinator/actors/run-jobs.ts";
const HOLDINGS = "agent/core/holdings.ts";
const AGENT = "agent/actors/agent-actor.ts";
const ATTEMPT = "agent/actors/attempt-actor.ts";

export const mutations: readonly Mutation[] = [
  {
    breaks: "a held job is not started",
    file: DECIDE,
    find: 'if (job?.phase !== "ready" || isHeld(state, grant.job)) return [];',
    replace: 'if (job?.phase !== "ready") return [];',
    seeds: [43],
  },
  {
    breaks: "a report that was accepted before is settled again",
    file: DECIDE,
    find: "if (attempt !== named) return { records: [], settles: true };",
    replace: "if (attempt !== named) return nothing;",
    seeds: [11],
  },
  {
    breaks: "an attempt that was ended to hold its job did not fail",
    file: DECIDE,
    find: 'if (item.result.outcome.kind === "cancelled" && !isCancelWanted(state, job)) {',
    replace: "if (false) {",
    seeds: [8],
  },
  {
    breaks: "a job waits for all that it needs",
    file: FOLD,
    find: "return job.unmet === 0 ? onNeedsFinal(state, index, at, changes) : false;",
    replace: "return onNeedsFinal(state, index, at, changes);",
    seeds: [1],
  },
  {
    breaks: "an allowed failure is good for dependants",
    file: FOLD,
    find: 'const isGood = needed.phase === "succeeded" || isAllowedFailure(state, need);',
    replace: 'const isGood = needed.phase === "succeeded";',
    seeds: [7],
  },
  {
    breaks: "a failure reaches the dependants of dependants",
    file: FOLD,
    find: "if (onNeedFinal(state, dependant, next, at, changes)) settled.push(dependant);",
    replace: "onNeedFinal(state, dependant, next, at, changes);",
    seeds: [4],
  },
  {
    breaks: "events are numbered without gap",
    file: FOLD,
    find: "state.eventSeq += changes.length;",
    replace: "state.eventSeq += changes.length + (changes.length > 1 ? 1 : 0);",
    seeds: [1],
  },
  {
    breaks: "a job is tried again as often as it says",
    file: RETRY,
    find: "if (failures.length >= spec.retries.max) return null;",
    replace: "if (failures.length > spec.retries.max) return null;",
    seeds: [4],
  },
  {
    breaks: "losses have a cap",
    file: RETRY,
    find: "if (!spec.rerunAfterLoss || losses + 1 >= MAX_LOSSES) return null;",
    replace: "if (!spec.rerunAfterLoss) return null;",
    seeds: [631, 769, 807],
  },
  {
    breaks: "a job that may not run again after a loss does not",
    file: RETRY,
    find: "if (!spec.rerunAfterLoss || losses + 1 >= MAX_LOSSES) return null;",
    replace: "if (losses + 1 >= MAX_LOSSES) return null;",
    seeds: [143, 189, 403, 784],
  },
  {
    breaks: "what must not overtake an append waits for it",
    file: COMMIT,
    find: "if (this.#appending !== undefined) return [];",
    replace: "",
    seeds: [6],
  },
  {
    breaks: "the next append expects the sequence of the last one",
    file: COMMIT,
    find: "this.#seq = seq;\n    return",
    replace: "return",
    seeds: [1],
  },
  {
    breaks: "consequences wait until their record is stored",
    file: RUN,
    find: "living.commit.stage(record, consequencesOf(living.state, changes, record.at));",
    replace:
      "living.commit.stage(record, []); living.consequences.carryOut(consequencesOf(living.state, changes, record.at));",
    seeds: [1],
  },
  {
    breaks: "a report is settled after its record is stored",
    file: RUN,
    find: 'if (settled.length > 0) living.commit.stage(null, [{ kind: "orders", agent, orders: settled }]);',
    replace:
      'if (settled.length > 0) living.consequences.carryOut([{ kind: "orders", agent, orders: settled }]);',
    seeds: [1],
  },
  {
    breaks: "a result that was lost on the way is told again by the re-check",
    file: RUN,
    find: "if (living.consequences.isIdle) jobs.recheck(now - overdueMs);",
    replace: "",
    seeds: [1],
  },
  {
    breaks: "strays are ended only when every run is known",
    file: FLEET_ACTOR,
    find: "if (strays.length === 0 || !this.#isRecovered) return;",
    replace: "if (strays.length === 0) return;",
    seeds: [1],
  },
  {
    breaks: "an agent is lost after its time only",
    file: FLEET,
    find: "if (silentMs >= fleet.times.lostAfterMs) {",
    replace: "if (silentMs >= fleet.times.lostAfterMs / 10) {",
    seeds: [11],
  },
  {
    breaks: "a lease that another incarnation does not know is over",
    file: LEASES,
    find: "records.push(...onAttemptLost(state, index, why, now, chance));",
    replace: "void why;",
    seeds: [6],
  },
  {
    breaks: "orders are repeated until they are confirmed",
    file: ORDERS,
    find: ".filter((batch) => nowMs - batch.sentAtMs >= this.#resendAfterMs);",
    replace: ".filter(() => false);",
    seeds: [25],
  },
  {
    breaks: "the place of an ended lease is free again",
    file: SCHEDULER,
    find: "this.#vacate(key, room, placement);\n    if (room.placed.size === 0",
    replace: "if (room.placed.size === 0",
    seeds: [3],
  },
  {
    breaks: "a job that is given back asks again",
    file: RUN_JOBS,
    find: "this.#hasAsked[change.job] = 0;\n          this.#release",
    replace: "this.#release",
    seeds: [5],
  },
  {
    breaks: "a cancelled attempt is ended on its agent",
    file: CONSEQUENCES,
    find: "return this.#cancelLive(change.reason, () => true);",
    replace: "return;",
    seeds: [29, 34, 36, 70, 97, 98],
  },
  {
    breaks: "an agent keeps a result until it is settled",
    file: "agent/core/outbox.ts",
    find: "    due.push(waiting.item);",
    replace: "    due.push(waiting.item);\n    outbox.waiting.delete(attemptKey(waiting.item));",
    seeds: [1],
  },
  {
    breaks: "attempts start only where they fit",
    file: HOLDINGS,
    find: "if (!fits(holdings.slots, held.needs) || holdings.collecting >= holdings.collectLimit) break;",
    replace: "",
    seeds: [1],
  },
  {
    breaks: "the slot of an ended command serves the next one",
    file: HOLDINGS,
    find: 'if (held.phase === "running") release(holdings.slots, held.needs);\n  else holdings.collecting -= 1;',
    replace: 'if (held.phase !== "running") holdings.collecting -= 1;',
    seeds: [1],
  },
  {
    breaks: "an agent takes over what an earlier process of it left",
    file: AGENT,
    find: "for (const leftover of leftovers) this.#takeOver(leftover, context);",
    replace: "",
    seeds: [5],
  },
  {
    breaks: "what the agent ended counts as that",
    file: ATTEMPT,
    find: "const outcome = outcomeOf(exit, this.#ended?.cause, this.#record.memoryBytes ?? undefined);",
    replace: "const outcome = outcomeOf(exit, undefined, this.#record.memoryBytes ?? undefined);",
    seeds: [119, 195, 199],
  },
  {
    breaks: "KILL follows TERM",
    file: ATTEMPT,
    find: 'return this.#signal("KILL", context);',
    replace: "return;",
    seeds: [119, 799, 931],
  },
  {
    breaks: "a job sees the accepted artifacts of what it needs",
    file: "coordinator/core/job-request.ts",
    find: "if (artifact !== null)",
    replace: "if (artifact !== null && inputs.length < 2)",
    seeds: [5],
  },
];
