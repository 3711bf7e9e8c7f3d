/**
 * The ready jobs of one run that ask the same of an agent, best first: higher priority, then the longer remaining
 * path, then the order of the graph. A binary heap; a withdrawn job stays in it until it comes to the top.
 */

export interface QueuedJob {
  readonly job: number;
  readonly priority: number;
  /** The longest path from this one to a sink, in one unit for all jobs of a run; it changes as more is known of them. */
  rank: number;
}

/** Whether `a` goes before `b`. */
export function goesBefore(a: QueuedJob, b: QueuedJob): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.rank !== b.rank) return a.rank > b.rank;
  return a.job < b.job;
}

export class JobQueue {
  readonly #heap: QueuedJob[] = [];
  /** What is really queued, by job; a heap entry that is not the one here is dead. */
  readonly #queued = new Map<number, QueuedJob>();

  get size(): number {
    return this.#queued.size;
  }

  has(job: number): boolean {
    return this.#queued.has(job);
  }

  entryOf(job: number): QueuedJob | undefined {
    return this.#queued.get(job);
  }

  push(entry: QueuedJob): void {
    if (this.#queued.has(entry.job)) return;
    this.#queued.set(entry.job, entry);
    this.#heap.push(entry);
    this.#siftUp(this.#heap.length - 1);
  }

  withdraw(job: number): boolean {
    return this.#queued.delete(job);
  }

  peek(): QueuedJob | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || this.#queued.get(top.job) === top) return top;
      this.#dropTop();
    }
  }

  pop(): QueuedJob | undefined {
    const top = this.peek();
    if (top === undefined) return undefined;
    this.#queued.delete(top.job);
    this.#dropTop();
    return top;
  }

  /** Gives all queued jobs other ranks, in one pass. */
  rerank(rankOf: (job: number) => number): void {
    for (const entry of this.#heap) entry.rank = rankOf(entry.job);
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index--) this.#siftDown(index);
  }

  /** In no order. */
  entries(): Iterable<QueuedJob> {
    return this.#queued.values();
  }

  #dropTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  #siftUp(index: number): void {
    const heap = this.#heap;
    const entry = heap[index] as QueuedJob;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as QueuedJob;
      if (!goesBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #siftDown(index: number): void {
    const heap = this.#heap;
    const entry = heap[index] as QueuedJob;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && goesBefore(right, left)) child += 1;
      const best = heap[child] as QueuedJob;
      if (!goesBefore(best, entry)) break;
      heap[index] = best;
      index = child;
    }
    heap[index] = entry;
  }
}
