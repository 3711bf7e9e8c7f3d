/** What a job asks of an agent. Jobs that ask the same share a queue, so a job nobody can run now blocks no other. */

import type { JobSpec, Pairs } from "../../shared/model/job-spec.ts";
import { type AgentMode, ability, type Capacity } from "../../shared/model/messages.ts";
import { formatBytes } from "../../shared/model/size.ts";

export interface Requirement {
  readonly pool: string;
  readonly labels: Pairs;
  readonly needsEngine: boolean;
  /** What not every agent can do; see `ability`. */
  readonly abilities: readonly string[];
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
  readonly abilities: readonly string[];
  /** What jobs without a container find there; absent where the agent does not tell. */
  readonly identity?: string | undefined;
  readonly mode: AgentMode;
  /** Why it is held though nobody told it to hold. */
  readonly trouble?: string;
}

export function requirementOf(spec: JobSpec, pool: string, avoids: readonly string[] = []): Requirement {
  return {
    pool,
    labels: spec.labels,
    needsEngine: spec.image !== undefined,
    abilities: abilitiesFor(spec),
    cpu: spec.resources.cpu ?? 0,
    memoryBytes: spec.resources.memoryBytes ?? 0,
    avoids,
  };
}

const noAbilities: readonly string[] = [];

function abilitiesFor({ run, image, layout, files, marks }: JobSpec): readonly string[] {
  if (layout === "package") {
    return image === undefined ? [ability.packageJobs, ability.hostLayout] : [ability.packageJobs];
  }
  const isUsual = files.length === 0 && marks === undefined && !("program" in run);
  return isUsual ? noAbilities : [ability.packageJobs];
}

function inability(wanted: string): string {
  return wanted === ability.hostLayout
    ? "needs the layout of a package without a container, the agent's host does not allow that"
    : "is a job of a kind that the agent is too old for";
}

/** Equal for equal requirements. */
export function requirementKey(requirement: Requirement): string {
  const { pool, labels, needsEngine, abilities, cpu, memoryBytes, avoids } = requirement;
  const plain = `${pool} ${needsEngine} ${cpu} ${memoryBytes}`;
  if (labels.length === 0 && avoids.length === 0 && abilities.length === 0) return plain;
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${plain} ${JSON.stringify([sorted, avoids, abilities])}`;
}

export interface Misfit {
  readonly code: "pool" | "labels" | "engine" | "abilities" | "slots" | "cpu" | "memory";
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
  for (const wanted of requirement.abilities) {
    if (!offer.abilities.includes(wanted)) return { code: "abilities", message: inability(wanted) };
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
