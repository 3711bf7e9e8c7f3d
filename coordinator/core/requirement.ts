/** What a job asks of an agent. Jobs that ask the same share a queue, so a job nobody can run now blocks no other. */

import type { JobSpec, Pairs } from "../../shared/model/job-spec.ts";
import type { AgentMode, Capacity } from "../../shared/model/messages.ts";
import { formatBytes } from "../../shared/model/size.ts";

export interface Requirement {
  readonly pool: string;
  readonly labels: Pairs;
  readonly needsEngine: boolean;
  readonly cpu: number;
  readonly memoryBytes: number;
  /** Agents that get it only when no other can: an attempt of the job has failed there. */
  readonly avoids: readonly string[];
}

export interface Offer {
  readonly name: string;
  readonly incarnation: string;
  readonly capacity: Capacity;
  readonly labels: ReadonlyMap<string, string>;
  readonly pool: string;
  readonly hasEngine: boolean;
  readonly mode: AgentMode;
  /** Why it is held though nobody told it to hold. */
  readonly trouble?: string;
}

export function requirementOf(spec: JobSpec, pool: string, avoids: readonly string[] = []): Requirement {
  return {
    pool,
    labels: spec.labels,
    needsEngine: spec.image !== undefined,
    cpu: spec.resources.cpu ?? 0,
    memoryBytes: spec.resources.memoryBytes ?? 0,
    avoids,
  };
}

/** Equal for equal requirements. */
export function requirementKey(requirement: Requirement): string {
  const { pool, labels, needsEngine, cpu, memoryBytes, avoids } = requirement;
  if (labels.length === 0 && avoids.length === 0) return `${pool} ${needsEngine} ${cpu} ${memoryBytes}`;
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${pool} ${needsEngine} ${cpu} ${memoryBytes} ${JSON.stringify([sorted, avoids])}`;
}

export interface Misfit {
  readonly code: "pool" | "labels" | "engine" | "slots" | "cpu" | "memory";
  readonly message: string;
}

/** Why this agent could never run such a job, even when idle; undefined when it could. */
export function misfit(requirement: Requirement, offer: Offer): Misfit | undefined {
  if (requirement.pool !== offer.pool) {
    return { code: "pool", message: `belongs to the pool "${offer.pool}", not "${requirement.pool}"` };
  }
  for (const [key, wanted] of requirement.labels) {
    const actual = offer.labels.get(key);
    if (actual === wanted) continue;
    const has = actual === undefined ? "lacks it" : `has ${key}=${actual}`;
    return { code: "labels", message: `needs the label ${key}=${wanted}, the agent ${has}` };
  }
  if (requirement.needsEngine && !offer.hasEngine) {
    return { code: "engine", message: "needs a container engine, the agent has none" };
  }
  if (offer.capacity.slots < 1) return { code: "slots", message: "the agent has no slots" };
  if (requirement.cpu > offer.capacity.cpu) {
    return { code: "cpu", message: `needs ${requirement.cpu} CPUs, the agent has ${offer.capacity.cpu}` };
  }
  if (requirement.memoryBytes > offer.capacity.memoryBytes) {
    return {
      code: "memory",
      message: `needs ${formatBytes(requirement.memoryBytes)} of memory, the agent has ${formatBytes(offer.capacity.memoryBytes)}`,
    };
  }
  return undefined;
}
