/** Recorded workflows in WfFormat 1.5 (github.com/wfcommons): what needs what, and how long each task ran. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { JobSpecInput } from "../../../shared/model/job-spec.ts";

const fileSchema = z.object({
  workflow: z.object({
    specification: z.object({ tasks: z.array(z.object({ id: z.string(), parents: z.array(z.string()) })) }),
    execution: z.object({
      tasks: z.array(z.object({ id: z.string(), runtimeInSeconds: z.number().min(0) })),
    }),
  }),
});

/** A task; needs are places in the list. */
export interface Task {
  readonly ms: number;
  readonly needs: readonly number[];
}

/** Recorded times are a thousand times as long, and clipped: so a day becomes a minute, and all of it is work. */
const SHORTER = 1_000;
const SHORTEST_MS = 20;
const LONGEST_MS = 2_000;

export async function readWorkflow(path: string): Promise<Task[]> {
  const { specification, execution } = fileSchema.parse(JSON.parse(await readFile(path, "utf8"))).workflow;
  const seconds = new Map(execution.tasks.map(({ id, runtimeInSeconds }) => [id, runtimeInSeconds]));
  const places = new Map(specification.tasks.map(({ id }, place) => [id, place]));
  return specification.tasks.map(({ id, parents }) => {
    const ms = ((seconds.get(id) ?? 0) * 1000) / SHORTER;
    return {
      ms: Math.round(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms))),
      needs: [...new Set(parents)].flatMap((parent) => places.get(parent) ?? []),
    };
  });
}

/** Jobs that take as long as the tasks, and do nothing. */
export function sleepingJobs(tasks: readonly Task[]): JobSpecInput[] {
  return tasks.map(({ ms, needs }, place) => ({
    name: `t${place}`,
    run: { script: `sleep ${ms / 1000}` },
    needs: needs.map((need) => ({ job: `t${need}` })),
  }));
}
