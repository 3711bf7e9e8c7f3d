import type { ActorState, Cell } from "./cell.ts";

/** One actor as operators see it. */
export interface ActorSnapshot {
  readonly path: string;
  readonly state: ActorState;
  /** Messages that wait. */
  readonly mailbox: number;
  readonly processed: number;
  readonly restarts: number;
  /** All living children, of which `children` holds the first ones. */
  readonly childCount: number;
  readonly children: readonly ActorSnapshot[];
}

export interface InspectionLimits {
  /** Children shown of each actor; default 100. */
  readonly maxChildren?: number;
  /** Levels below the first; default all. */
  readonly maxDepth?: number;
}

/** Looks at actors and those below them, without touching them. */
export function inspect(cells: Iterable<Cell>, limits: InspectionLimits = {}): ActorSnapshot[] {
  const { maxChildren = 100, maxDepth = Number.POSITIVE_INFINITY } = limits;
  const snapshots: ActorSnapshot[] = [];
  if (maxDepth < 0) return snapshots;
  for (const cell of cells) {
    if (snapshots.length >= maxChildren) break;
    snapshots.push({
      path: cell.path,
      state: cell.state,
      mailbox: cell.waiting,
      processed: cell.processed,
      restarts: cell.restarts,
      childCount: cell.children?.size ?? 0,
      children: inspect(cell.children?.values() ?? [], { maxChildren, maxDepth: maxDepth - 1 }),
    });
  }
  return snapshots;
}
