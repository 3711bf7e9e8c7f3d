/** Decisions of the product, each broken on purpose: what the simulation has to notice. */
import { collectionMutations } from "./mutations/collections.ts";
import { retryMutations } from "./mutations/retries.ts";
import { reuseMutations } from "./mutations/reuse.ts";
import { schedulingMutations } from "./mutations/scheduling.ts";
import { snapshotMutations } from "./mutations/snapshots.ts";
import { takeoverMutations } from "./mutations/takeover.ts";

export interface Mutation {
  /** What is no longer done. */
  readonly breaks: string;
  readonly file: string;
  /** Found exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

const DECIDE = "coordinator/core/run-decide.ts";
const FOLD = "coordinator/core/run-fold.ts";
const NEEDS = "coordinator/core/needs-fold.ts";
const RETRY = "coordinator/core/retry.ts";
const COMMIT = "coordinator/core/group-commit.ts";
const FLEET = "coordinator/core/fleet.ts";
const LEASES = "coordinator/core/lease-reconciliation.ts";
const ORDERS = "coordinator/core/order-channel.ts";
const SCHEDULER = "coordinator/core/scheduler.ts";
const RUN = "coordinator/actors/run.ts";
const RUN_WRITER = "coordinator/actors/run-writer.ts";
const RUN_LEASES = "coordinator/actors/run-leases.ts";
const FLEET_ACTOR = "coordinator/actors/fleet.ts";
const CONSEQUENCES = "coordinator/actors/run-consequences.ts";
const RUN_JOBS = "coordinator/actors/run-jobs.ts";
const HOLDINGS = "agent/core/holdings.ts";
const AGENT_ORDERS = "agent/core/order-channel.ts";
const AGENT = "agent/actors/agent-actor.ts";
const ATTEMPT = "agent/actors/attempt-actor.ts";

export const mutations: readonly Mutation[] = [
  {
    breaks: "a held job is not started",
    file: DECIDE,
    find: 'if (job?.phase !== "ready" || isHeld(state, grant.job)) return [];',
    replace: 'if (job?.phase !== "ready") return [];',
  },
  {
    breaks: "a report that was accepted before is settled again",
    file: DECIDE,
    find: "if (attempt !== named) return { records: [], settles: true };",
    replace: "if (attempt !== named) return nothing;",
  },
  {
    breaks: "an attempt that was ended to hold its job did not fail",
    file: DECIDE,
    find: 'if (item.result.outcome.kind === "cancelled" && !isCancelWanted(state, job)) {',
    replace: "if (false) {",
  },
  {
    breaks: "a job waits for all that it needs",
    file: NEEDS,
    find: "return job.unmet === 0 ? onNeedsFinal(state, index, at, changes) : false;",
    replace: "return onNeedsFinal(state, index, at, changes);",
  },
  {
    breaks: "an allowed failure is good for dependants",
    file: NEEDS,
    find: 'const isGood = needed.phase === "succeeded" || isAllowedFailure(state, need);',
    replace: 'const isGood = needed.phase === "succeeded";',
  },
  {
    breaks: "a failure reaches the dependants of dependants",
    file: NEEDS,
    find: "if (onNeedFinal(state, dependant, next, at, changes)) settled.push(dependant);",
    replace: "onNeedFinal(state, dependant, next, at, changes);",
  },
  {
    breaks: "events are numbered without gap",
    file: FOLD,
    find: "state.eventSeq += changes.length;",
    replace: "state.eventSeq += changes.length + (changes.length > 1 ? 1 : 0);",
  },
  {
    breaks: "a job is tried again as often as it says",
    file: RETRY,
    find: "if (failures.length >= spec.retries.max) return null;",
    replace: "if (failures.length > spec.retries.max) return null;",
  },
  {
    breaks: "losses have a cap",
    file: RETRY,
    find: "if (!spec.rerunAfterLoss || losses + 1 >= MAX_LOSSES) return null;",
    replace: "if (!spec.rerunAfterLoss) return null;",
  },
  {
    breaks: "a job that may not run again after a loss does not",
    file: RETRY,
    find: "if (!spec.rerunAfterLoss || losses + 1 >= MAX_LOSSES) return null;",
    replace: "if (losses + 1 >= MAX_LOSSES) return null;",
  },
  {
    breaks: "what must not overtake an append waits for it",
    file: COMMIT,
    find: "if (this.#appending !== undefined) return [];",
    replace: "",
  },
  {
    breaks: "the next append expects the sequence of the last one",
    file: COMMIT,
    find: "this.#seq = seq;\n    return",
    replace: "return",
  },
  {
    breaks: "consequences wait until their record is stored",
    file: RUN_WRITER,
    find: "this.#commit.stage(record, consequencesOf(this.#state, changes, record.at));",
    replace:
      "this.#commit.stage(record, []); this.#parts.consequences.carryOut(consequencesOf(this.#state, changes, record.at));",
  },
  {
    breaks: "a report is settled after its record is stored",
    file: RUN_LEASES,
    find: 'if (settled.length > 0) this.#writer.stageConsequence({ kind: "orders", agent, orders: settled });',
    replace:
      'if (settled.length > 0) this.#surroundings.fleet.tell({ kind: "orders", agent, orders: settled });',
  },
  {
    breaks: "a result that was lost on the way is told again by the re-check",
    file: RUN,
    find: "if (living.consequences.isIdle) jobs.recheck(now - overdueMs);",
    replace: "",
  },
  {
    breaks: "an agent is lost after its time only",
    file: FLEET,
    find: "if (silentMs >= fleet.times.lostAfterMs) {",
    replace: "if (silentMs >= fleet.times.lostAfterMs / 10) {",
  },
  {
    breaks: "a lease that another incarnation does not know is over",
    file: LEASES,
    find: "records.push(...onAttemptLost(state, index, why, now, chance));",
    replace: "void why;",
  },
  {
    breaks: "orders are repeated until they are confirmed",
    file: ORDERS,
    find: ".filter((batch) => nowMs - batch.sentAtMs >= this.#resendAfterMs);",
    replace: ".filter(() => false);",
  },
  {
    breaks: "the place of an ended lease is free again",
    file: SCHEDULER,
    find: "* 7 + ranMs) / 8;\n    this.#vacate(key, room, placement);",
    replace: "* 7 + ranMs) / 8;",
  },
  {
    breaks: "a job that is given back asks again",
    file: RUN_JOBS,
    find: "this.#hasAsked[change.job] = 0;\n          this.#release",
    replace: "this.#release",
  },
  {
    breaks: "a cancelled attempt is ended on its agent",
    file: CONSEQUENCES,
    find: "return this.#cancelLive(change.reason, () => true);",
    replace: "return;",
  },
  {
    breaks: "an agent keeps a result until it is settled",
    file: "agent/core/outbox.ts",
    find: "    due.push(waiting.item);",
    replace: "    due.push(waiting.item);\n    outbox.waiting.delete(attemptKey(waiting.item));",
  },
  {
    breaks: "attempts start only where they fit",
    file: HOLDINGS,
    find: "if (!fits(holdings.slots, held.needs) || holdings.collecting >= holdings.collectLimit) break;",
    replace: "",
  },
  {
    breaks: "the slot of an ended command serves the next one",
    file: HOLDINGS,
    find: 'if (held.phase === "running") release(holdings.slots, held.needs);\n  else holdings.collecting -= 1;',
    replace: 'if (held.phase !== "running") holdings.collecting -= 1;',
  },
  {
    breaks: "an agent takes over what an earlier process of it left",
    file: AGENT,
    find: "for (const leftover of leftovers) this.#takeOver(leftover, context);",
    replace: "",
  },
  {
    breaks: "what the agent ended counts as that",
    file: ATTEMPT,
    find: "const plain = outcomeOf(exit, this.#ended?.cause, this.#record.memoryBytes ?? undefined);",
    replace: "const plain = outcomeOf(exit, undefined, this.#record.memoryBytes ?? undefined);",
  },
  {
    breaks: "KILL follows TERM",
    file: ATTEMPT,
    find: 'return this.#signal("KILL", context);',
    replace: "return;",
  },
  {
    breaks: "a job sees the accepted artifacts of what it needs",
    file: "coordinator/core/job-request.ts",
    find: "if (artifact !== null)",
    replace: "if (artifact !== null && inputs.length < 2)",
  },
  {
    breaks: "a report counts for the attempt that it names",
    file: DECIDE,
    find: "known.attempt === item.attempt && known.lease === item.lease",
    replace: "known.lease === item.lease",
  },
  {
    breaks: "a report counts under the lease in force",
    file: DECIDE,
    find: "known.attempt === item.attempt && known.lease === item.lease",
    replace: "known.attempt === item.attempt",
  },
  {
    breaks: "a report counts from the agent that the attempt was given to",
    file: DECIDE,
    find: "if (named.agent !== agent) return",
    replace: "if (false) return",
  },
  {
    breaks: "a message counts from the incarnation that holds the name",
    file: FLEET,
    find: 'if (agent.hello.incarnation !== message.incarnation) return refused("incarnation");',
    replace: "",
  },
  {
    breaks: "leases take their places before anything is granted",
    file: RUN_LEASES,
    find: 'scheduler.tell({ kind: "adopt", run: state.run, job: index, agent: attempt.agent, requirement });',
    replace: "void requirement;",
  },
  {
    breaks: "an agent with leases that is never heard is given up",
    file: RUN_LEASES,
    find: 'fleet.tell({ kind: "leaseAdopted", run: state.run, agent: attempt.agent });',
    replace: "",
  },
  {
    breaks: "an order to start that an agent does not know of is sent again",
    file: LEASES,
    find: 'if (reason === null) orders.push({ kind: "start", request: jobRequest(state, index, attempt) });\n      else',
    replace: "if (reason !== null)",
  },
  {
    breaks: "a reply leaves after its record is stored",
    file: "coordinator/actors/run-commands.ts",
    find: 'this.#writer.stageConsequence({ kind: "reply", replyTo, reply });',
    replace: "replyTo.tell(reply);",
  },
  {
    breaks: "a new leader tells ends that were not told",
    file: "coordinator/actors/run-registry.ts",
    find: "if (this.#ended.delete(run)) this.spawn",
    replace: "if (false) this.spawn",
  },
  {
    breaks: "a batch of orders is handled once",
    file: AGENT_ORDERS,
    find: 'if (batch.number <= channel.seen) return refuse(channel, "duplicate");',
    replace: "",
  },
  {
    breaks: "a batch of orders waits for the one before it",
    file: AGENT_ORDERS,
    find: 'if (batch.number > channel.seen + 1) return refuse(channel, "gap");',
    replace: "",
  },
  {
    breaks: "an agent refuses the orders of an earlier leader",
    file: AGENT_ORDERS,
    find: 'if (batch.epoch < channel.epoch) return refuse(channel, "oldEpoch");',
    replace: "",
  },
  {
    breaks: "an attempt that is held is not started again",
    file: HOLDINGS,
    find: "if (holdings.held.has(key) || holdings.outbox.waiting.has(key)) return [];",
    replace: "",
  },
  {
    breaks: "an input that is damaged or gone fails its job",
    file: "agent/actors/verdict.ts",
    find: 'return { kind: "failed", reason, message };',
    replace: 'return { kind: "lost", message };',
  },
  {
    breaks: "a snapshot is of one moment",
    file: RUN,
    find: "return living?.writer.snapshots.take();",
    replace: "return void living?.writer.snapshots.take();",
  },
  {
    breaks: "an order reaches another incarnation than its lease names",
    file: FLEET_ACTOR,
    find: "const isForIt = incarnation === undefined || this.#orders.isFor(name, incarnation);",
    replace: "const isForIt = true as boolean;",
  },
  ...schedulingMutations,
  ...retryMutations,
  ...reuseMutations,
  ...snapshotMutations,
  ...takeoverMutations,
  ...collectionMutations,
];
