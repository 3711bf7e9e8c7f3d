/** An agent as the scheduler has it: what it offers, what is placed on it, and so what room is left. */
import { misfit, type Offer, type Requirement } from "./requirement.ts";

/** A placed job, by run and index. */
export interface Placement {
  readonly run: string;
  readonly job: number;
  readonly requirement: Requirement;
  isRecalled: boolean;
}

export interface AgentRoom {
  offer: Offer;
  cpuFree: number;
  memoryFree: number;
  /** Keyed `run/job`, oldest first. */
  readonly placed: Map<string, Placement>;
  /** Moving average of how long its jobs ran; undefined before the first one ended. */
  usualMs: number | undefined;
}

/** What a result and the order that follows it may take on a busy host; agents gather results of short jobs for 25 ms. */
const ROUND_TRIP_MS = 40;
/** No process is started and over in less. */
const LEAST_USUAL_MS = 0.15;

/** An agent lists what it holds in one message, unsettled results included. */
const MAX_PLACED = 3_000;

/** How many jobs it may be given at a time: one a slot, and a backlog. */
export function mostPlaced(room: AgentRoom, backlogPerSlot: number): number {
  const { slots } = room.offer.capacity;
  return Math.min(MAX_PLACED, slots + Math.ceil(slots * backlogPerSlot * roundTripJobs(room)));
}

/** How many of its usual jobs a slot gets through in a round trip. */
function roundTripJobs({ usualMs }: AgentRoom): number {
  if (usualMs === undefined) return 1;
  return Math.max(1, Math.ceil(ROUND_TRIP_MS / Math.max(LEAST_USUAL_MS, usualMs)));
}

/** Of an agent that is gone, or that nobody has met. */
export const noCapacity = Object.freeze({ slots: 0, cpu: 0, memoryBytes: 0 });

/** An agent that holds leases of an earlier leader and has not said what it offers. */
export function unknownAgent(name: string): AgentRoom {
  const offer: Offer = {
    name,
    incarnation: "",
    capacity: noCapacity,
    labels: new Map(),
    pool: "",
    hasEngine: false,
    abilities: [],
    mode: "draining",
  };
  return { offer, cpuFree: 0, memoryFree: 0, placed: new Map(), usualMs: undefined };
}

export function freeSlots(room: AgentRoom): number {
  return Math.min(MAX_PLACED, room.offer.capacity.slots) - room.placed.size;
}

/** How full it is, slots being what counts. */
export function loadOf(room: AgentRoom): number {
  return room.placed.size / Math.max(1, room.offer.capacity.slots);
}

/** Whether what is left of its resources is enough, and nothing else speaks against it. */
export function fitsNow(requirement: Requirement, room: AgentRoom): boolean {
  return (
    requirement.cpu <= room.cpuFree &&
    requirement.memoryBytes <= room.memoryFree &&
    misfit(requirement, room.offer) === undefined
  );
}
