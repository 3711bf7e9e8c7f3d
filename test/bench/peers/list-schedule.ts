/**
 * The schedule of somebody who knows all times beforehand and starts jobs for nothing: whenever a slot is free it takes, of
 * the tasks that are ready, the one with the longest way still before it (critical path first).
 */
import type { Task } from "../graphs/workflow.ts";

/** How long it takes with so many slots. The tasks must have no cycle. */
export function listScheduleMs(tasks: readonly Task[], slots: number): number {
  const dependants: number[][] = tasks.map(() => []);
  for (const [place, { needs }] of tasks.entries()) for (const need of needs) dependants[need]!.push(place);
  const ahead = waysAhead(tasks, dependants);
  const open = tasks.map(({ needs }) => needs.length);
  const ready = [...tasks.keys()].filter((place) => open[place] === 0);
  let running: { readonly place: number; readonly endMs: number }[] = [];
  let nowMs = 0;
  while (ready.length > 0 || running.length > 0) {
    ready.sort((a, b) => ahead[b]! - ahead[a]! || a - b);
    for (const place of ready.splice(0, slots - running.length))
      running.push({ place, endMs: nowMs + tasks[place]!.ms });
    nowMs = Math.min(...running.map(({ endMs }) => endMs));
    const ended = running.filter(({ endMs }) => endMs === nowMs);
    running = running.filter(({ endMs }) => endMs > nowMs);
    for (const { place } of ended) {
      for (const dependant of dependants[place]!) {
        open[dependant]! -= 1;
        if (open[dependant] === 0) ready.push(dependant);
      }
    }
  }
  return nowMs;
}

/** Of each task: its time and that of the longest chain behind it. */
function waysAhead(tasks: readonly Task[], dependants: readonly (readonly number[])[]): number[] {
  const ahead: number[] = [];
  const open = dependants.map((own) => own.length);
  const done = [...tasks.keys()].filter((place) => open[place] === 0);
  for (const place of done) {
    const { ms, needs } = tasks[place]!;
    ahead[place] = ms + Math.max(0, ...dependants[place]!.map((dependant) => ahead[dependant]!));
    for (const need of needs) {
      open[need]! -= 1;
      if (open[need] === 0) done.push(need);
    }
  }
  return ahead;
}
