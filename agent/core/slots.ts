/** What of an agent's capacity is taken by attempts that run. */
import type { Capacity } from "../../shared/model/messages.ts";

/** What one attempt takes beside a slot. */
export interface Needs {
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface Slots {
  readonly capacity: Capacity;
  taken: number;
  cpuTaken: number;
  memoryTaken: number;
}

export function freeSlots(capacity: Capacity): Slots {
  return { capacity, taken: 0, cpuTaken: 0, memoryTaken: 0 };
}

/** Whether an attempt with these needs may start now. */
export function fits({ capacity, taken, cpuTaken, memoryTaken }: Slots, needs: Needs): boolean {
  return (
    taken < capacity.slots &&
    cpuTaken + needs.cpu <= capacity.cpu &&
    memoryTaken + needs.memoryBytes <= capacity.memoryBytes
  );
}

export function occupy(slots: Slots, needs: Needs): void {
  slots.taken += 1;
  slots.cpuTaken += needs.cpu;
  slots.memoryTaken += needs.memoryBytes;
}

export function release(slots: Slots, needs: Needs): void {
  slots.taken -= 1;
  // Sums of fractions drift; with nothing running they are zero again.
  slots.cpuTaken = slots.taken === 0 ? 0 : slots.cpuTaken - needs.cpu;
  slots.memoryTaken -= needs.memoryBytes;
}
