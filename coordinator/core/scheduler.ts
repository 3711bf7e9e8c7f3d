/**
 * The scheduler: which ready job goes to which agent next. It owns every slot of the namespace.
 *
 * A job is `queued` (a job actor asked for it), then `placed` on an agent (from the grant to its release). An agent
 * takes as many placed jobs as it has slots, plus a backlog that covers a round trip, so that a slot that frees need
 * not wait for one: one job a slot, more where jobs are short. A job waiting in a backlog is recalled when another
 * agent idles.
 *
 * Order: higher run priority first; among runs of one priority the one with the fewest placed jobs, so that they
 * share slots equally however large they are; ties by order of submission; within a run see `job-queue.ts`.
 *
 * A job that has failed on an agent avoids it: while another active agent could run it, it waits for that one, until
 * it is told that it has waited long enough.
 *
 * Safe: 1. a job is queued or placed, never both, and placed at most once; 2. placed jobs of an agent never exceed
 * slots plus backlog, nor their declared resources what it has; 3. only an active agent of the run's pool with all
 * labels gets a job. Live: 4. after `plan` no job is queued that some agent with room could take, unless it avoids it.
 */
import {
  type AgentRoom,
  fitsNow,
  freeSlots,
  loadOf,
  mostPlaced,
  noCapacity,
  type Placement,
  unknownAgent,
} from "./agent-room.ts";
import { goesBefore, JobQueue, type QueuedJob } from "./job-queue.ts";
import { misfit, type Offer, type Requirement, requirementKey } from "./requirement.ts";

export interface Grant {
  readonly run: string;
  readonly job: number;
  readonly agent: string;
  readonly incarnation: string;
}

export interface Recall {
  readonly run: string;
  readonly job: number;
  readonly agent: string;
}

/** Queued jobs that no known agent could ever run, even when idle. */
export interface Stranded {
  readonly run: string;
  readonly jobs: readonly number[];
  readonly requirement: Requirement;
}

interface RequirementQueue {
  readonly requirement: Requirement;
  readonly jobs: JobQueue;
}

interface RunQueue {
  readonly run: string;
  readonly order: number;
  priority: number;
  placedCount: number;
  queuedCount: number;
  readonly queues: Map<string, RequirementQueue>;
}

export class Scheduler {
  readonly #agents = new Map<string, AgentRoom>();
  readonly #runs = new Map<string, RunQueue>();
  /** While there is a reason, nothing is placed or recalled. */
  pauseReason: string | null = null;
  /** Where each placed job is. */
  readonly #places = new Map<string, AgentRoom>();
  readonly #backlogPerSlot: number;

  constructor(options: { backlogPerSlot?: number } = {}) {
    this.#backlogPerSlot = options.backlogPerSlot ?? 1;
  }

  /** A run exists; `order` is its place among submissions. */
  onRunOpened(run: string, order: number, priority: number): void {
    const known = this.#runs.get(run);
    if (known !== undefined) known.priority = priority;
    else this.#runs.set(run, { run, order, priority, placedCount: 0, queuedCount: 0, queues: new Map() });
  }

  onRunPriority(run: string, priority: number): void {
    const known = this.#runs.get(run);
    if (known !== undefined) known.priority = priority;
  }

  /** The run is over: its queued jobs and whatever it still holds are forgotten. */
  onRunClosed(run: string): void {
    this.#runs.delete(run);
    for (const [key, room] of this.#places) {
      const placement = room.placed.get(key);
      if (placement?.run === run) this.#vacate(key, room, placement);
    }
  }

  /** An agent registered or changed. What was placed on it stays placed. */
  onAgent(offer: Offer): void {
    const room = this.#agents.get(offer.name);
    if (room === undefined) {
      const { cpu, memoryBytes } = offer.capacity;
      const placed = new Map();
      this.#agents.set(offer.name, {
        offer,
        cpuFree: cpu,
        memoryFree: memoryBytes,
        placed,
        usualMs: undefined,
      });
      return;
    }
    room.cpuFree += offer.capacity.cpu - room.offer.capacity.cpu;
    room.memoryFree += offer.capacity.memoryBytes - room.offer.capacity.memoryBytes;
    room.offer = offer;
  }

  /** An agent is gone; its placed jobs are released one by one as their runs hear of it. */
  onAgentGone(agent: string): void {
    const room = this.#agents.get(agent);
    if (room === undefined) return;
    this.onAgent({ ...room.offer, mode: "draining", capacity: noCapacity });
    if (room.placed.size === 0) this.#agents.delete(agent);
  }

  /** A job actor asks for a slot. Asking again changes nothing. */
  onRequested(run: string, entry: QueuedJob, requirement: Requirement): void {
    const queue = this.#runs.get(run);
    if (queue === undefined || this.#places.has(placeKey(run, entry.job))) return;
    const key = requirementKey(requirement);
    let same = queue.queues.get(key);
    if (same === undefined) {
      same = { requirement, jobs: new JobQueue() };
      queue.queues.set(key, same);
    }
    const before = same.jobs.size;
    same.jobs.push(entry);
    queue.queuedCount += same.jobs.size - before;
  }

  /** A job has waited long enough for an agent on which it has not failed: from now on any will do. */
  onAvoidanceOver(run: string, job: number, requirement: Requirement): void {
    const jobs = this.#runs.get(run)?.queues.get(requirementKey(requirement))?.jobs;
    const entry = jobs?.entryOf(job);
    if (entry === undefined) return;
    this.onWithdrawn(run, job);
    this.onRequested(run, entry, { ...requirement, avoids: [] });
  }

  /** Other ranks count from now on for the run's jobs, by their indexes. */
  onRanked(run: string, ranks: readonly number[]): void {
    for (const { jobs } of this.#runs.get(run)?.queues.values() ?? []) {
      jobs.rerank((job) => ranks[job] ?? 0);
    }
  }

  onWithdrawn(run: string, job: number): void {
    const queue = this.#runs.get(run);
    if (queue === undefined) return;
    for (const { jobs } of queue.queues.values()) if (jobs.withdraw(job)) queue.queuedCount -= 1;
  }

  /** Nothing of the run waits for a slot any more. */
  onAllWithdrawn(run: string): void {
    const queue = this.#runs.get(run);
    if (queue === undefined) return;
    queue.queues.clear();
    queue.queuedCount = 0;
  }

  /** A lease that an earlier leader gave: it takes its place without being asked for. */
  onAdopted(run: string, job: number, agent: string, requirement: Requirement): void {
    const key = placeKey(run, job);
    if (this.#places.has(key)) return;
    const room = this.#agents.get(agent) ?? unknownAgent(agent);
    this.#agents.set(agent, room);
    this.#place(room, { run, job, requirement, isRecalled: false });
  }

  /** The lease of a placed job has ended (after running for `ranMs`), or its grant was not taken (null). */
  onReleased(run: string, job: number, ranMs: number | null = null): void {
    const key = placeKey(run, job);
    const room = this.#places.get(key);
    const placement = room?.placed.get(key);
    if (room === undefined || placement === undefined) return;
    if (ranMs !== null) room.usualMs = ((room.usualMs ?? ranMs) * 7 + ranMs) / 8;
    this.#vacate(key, room, placement);
  }

  /** Jobs that wait for a slot, of all runs. */
  get queuedCount(): number {
    let count = 0;
    for (const run of this.#runs.values()) count += run.queuedCount;
    return count;
  }

  /** Places what can be placed, at most `limit` jobs. */
  plan(limit = Number.POSITIVE_INFINITY): Grant[] {
    const grants: Grant[] = [];
    if (this.pauseReason !== null) return grants;
    const open = [...this.#agents.values()].filter((room) => this.#roomLeft(room) > 0);
    if (open.length === 0) return grants;
    const waiting = [...this.#runs.values()].filter((run) => run.queuedCount > 0 && run.priority > 0);
    while (grants.length < limit && open.length > 0) {
      const next = takeFirst(waiting);
      if (next === undefined) break;
      const grant = this.#grantOne(next, open);
      // Nothing of this run fits any agent that has room: it sits out this round.
      if (grant === undefined) waiting.splice(waiting.indexOf(next), 1);
      else grants.push(grant);
      if (next.queuedCount === 0 && grant !== undefined) waiting.splice(waiting.indexOf(next), 1);
    }
    return grants;
  }

  /** Jobs that wait in a backlog while an agent that could run them idles; call it after `plan`. */
  recalls(): Recall[] {
    if (this.pauseReason !== null) return [];
    const idle = [...this.#agents.values()].filter(
      (room) => room.offer.mode === "active" && freeSlots(room) > 0,
    );
    if (idle.length === 0) return [];
    const recalls: Recall[] = [];
    const spare = new Map(idle.map((room) => [room, freeSlots(room)]));
    for (const room of this.#agents.values()) {
      let surplus = room.placed.size - room.offer.capacity.slots;
      if (surplus <= 0) continue;
      for (const placement of [...room.placed.values()].reverse()) {
        if (surplus <= 0) break;
        if (!placement.isRecalled) {
          const { requirement } = placement;
          const taker = idle.find(
            (other) =>
              (spare.get(other) ?? 0) > 0 &&
              fitsNow(requirement, other) &&
              !requirement.avoids.includes(other.offer.name),
          );
          if (taker === undefined) continue;
          spare.set(taker, (spare.get(taker) ?? 0) - 1);
          placement.isRecalled = true;
          recalls.push({ run: placement.run, job: placement.job, agent: room.offer.name });
        }
        surplus -= 1;
      }
    }
    return recalls;
  }

  stranded(): Stranded[] {
    const offers = this.offers();
    const stranded: Stranded[] = [];
    for (const { run, queuedCount, queues } of this.#runs.values()) {
      if (queuedCount === 0) continue;
      for (const { requirement, jobs } of queues.values()) {
        if (jobs.size === 0 || offers.some((offer) => misfit(requirement, offer) === undefined)) continue;
        stranded.push({ run, jobs: [...jobs.entries()].map((entry) => entry.job), requirement });
      }
    }
    return stranded;
  }

  offers(): Offer[] {
    return [...this.#agents.values()]
      .map((room) => room.offer)
      .filter((offer) => offer.capacity !== noCapacity);
  }

  /** How many jobs an agent has been given, and its slots: for explanations and listings. */
  load(agent: string): { placed: number; slots: number } {
    const room = this.#agents.get(agent);
    return { placed: room?.placed.size ?? 0, slots: room?.offer.capacity.slots ?? 0 };
  }

  /** The place of a queued job among all queued jobs of its run, from 1; undefined when it is not queued. */
  queuePosition(run: string, job: number): { position: number; length: number } | undefined {
    const queue = this.#runs.get(run);
    const all =
      queue === undefined ? [] : [...queue.queues.values()].flatMap(({ jobs }) => [...jobs.entries()]);
    const entry = all.find((queued) => queued.job === job);
    if (entry === undefined) return undefined;
    return { position: 1 + all.filter((other) => goesBefore(other, entry)).length, length: all.length };
  }

  /** Agents that would not get a queued job now, because it has failed there. */
  avoidedBy(run: string, job: number): readonly string[] {
    for (const { requirement, jobs } of this.#runs.get(run)?.queues.values() ?? []) {
      if (jobs.has(job)) return this.#avoided(requirement);
    }
    return [];
  }

  #grantOne(queue: RunQueue, open: AgentRoom[]): Grant | undefined {
    let best: { entry: QueuedJob; same: RequirementQueue; room: AgentRoom } | undefined;
    for (const [key, same] of queue.queues) {
      const entry = same.jobs.peek();
      if (entry === undefined) queue.queues.delete(key);
      if (entry === undefined || (best !== undefined && goesBefore(best.entry, entry))) continue;
      const room = this.#bestRoom(same.requirement, open);
      if (room !== undefined) best = { entry, same, room };
    }
    if (best === undefined) return undefined;
    const { entry, same, room } = best;
    same.jobs.pop();
    queue.queuedCount -= 1;
    this.#place(room, { run: queue.run, job: entry.job, requirement: same.requirement, isRecalled: false });
    if (this.#roomLeft(room) <= 0) open.splice(open.indexOf(room), 1);
    return { run: queue.run, job: entry.job, agent: room.offer.name, incarnation: room.offer.incarnation };
  }

  /** The least loaded agent that can take it, so that free slots go before backlogs. */
  #bestRoom(requirement: Requirement, open: readonly AgentRoom[]): AgentRoom | undefined {
    const avoided = this.#avoided(requirement);
    let best: AgentRoom | undefined;
    for (const room of open) {
      if (best !== undefined && loadOf(room) >= loadOf(best)) continue;
      // A backlog may take hours: who avoids an agent waits in the queue, from where it may still go back there.
      if (avoided.length > 0 && (avoided.includes(room.offer.name) || freeSlots(room) <= 0)) continue;
      if (fitsNow(requirement, room)) best = room;
    }
    return best;
  }

  /** The agents it avoids, as long as an active one is left that could run it. */
  #avoided(requirement: Requirement): readonly string[] {
    const { avoids } = requirement;
    if (avoids.length === 0) return avoids;
    for (const { offer } of this.#agents.values()) {
      const isOther = offer.mode === "active" && !avoids.includes(offer.name);
      if (isOther && misfit(requirement, offer) === undefined) return avoids;
    }
    return [];
  }

  #roomLeft(room: AgentRoom): number {
    if (room.offer.mode !== "active") return 0;
    return mostPlaced(room, this.#backlogPerSlot) - room.placed.size;
  }

  #place(room: AgentRoom, placement: Placement): void {
    const key = placeKey(placement.run, placement.job);
    room.placed.set(key, placement);
    room.cpuFree -= placement.requirement.cpu;
    room.memoryFree -= placement.requirement.memoryBytes;
    this.#places.set(key, room);
    const run = this.#runs.get(placement.run);
    if (run !== undefined) run.placedCount += 1;
  }

  #vacate(key: string, room: AgentRoom, placement: Placement): void {
    room.placed.delete(key);
    room.cpuFree += placement.requirement.cpu;
    room.memoryFree += placement.requirement.memoryBytes;
    this.#places.delete(key);
    const run = this.#runs.get(placement.run);
    if (run !== undefined) run.placedCount -= 1;
    if (room.placed.size === 0 && room.offer.capacity === noCapacity) this.#agents.delete(room.offer.name);
  }
}

function placeKey(run: string, job: number): string {
  return `${run}/${job}`;
}

/** The run whose turn it is. */
function takeFirst(runs: readonly RunQueue[]): RunQueue | undefined {
  let first: RunQueue | undefined;
  for (const run of runs) {
    if (first === undefined || hasTurnBefore(run, first)) first = run;
  }
  return first;
}

function hasTurnBefore(a: RunQueue, b: RunQueue): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.placedCount !== b.placedCount) return a.placedCount < b.placedCount;
  return a.order < b.order;
}
