/**
 * Recorded scientific workflows in the WfCommons format, run as graphs: each task sleeps a thousandth of its recorded
 * time. They lie beside the checkout, or where MILLRACE_WORKFLOWS says; without them there is nothing to run.
 */
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { RunEvent } from "../../shared/model/event.ts";
import { CommandUser } from "../support/command.ts";

const folder =
  process.env.MILLRACE_WORKFLOWS ??
  fileURLToPath(new URL("../../../shared/corpora/wfinstances", import.meta.url));
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];

const LONGEST_SLEEP_MS = 500;

const recordingSchema = z.object({
  workflow: z.object({
    specification: z.object({
      tasks: z.array(z.object({ id: z.string(), parents: z.array(z.string()) })),
    }),
    execution: z.object({ tasks: z.array(z.object({ id: z.string(), runtimeInSeconds: z.number() })) }),
  }),
});

interface Task {
  readonly needs: readonly string[];
  readonly run: string;
}

/** The tasks of a recording as jobs of a run file. */
async function readTasks(file: string): Promise<Map<string, Task>> {
  const { workflow } = recordingSchema.parse(JSON.parse(await readFile(join(folder, file), "utf8")));
  const runtimes = new Map(
    workflow.execution.tasks.map(({ id, runtimeInSeconds }) => [id, runtimeInSeconds]),
  );
  return new Map(
    workflow.specification.tasks.map(({ id, parents }) => {
      const sleepMs = Math.min(LONGEST_SLEEP_MS, runtimes.get(id) ?? 0);
      return [id, { needs: parents, run: `sleep ${(sleepMs / 1000).toFixed(4)}` }];
    }),
  );
}

/** Sequence numbers of the events of one type, by job. */
function seqsByJob(
  events: readonly RunEvent[],
  type: "job.started" | "job.succeeded",
): Map<string, number[]> {
  const seqs = new Map<string, number[]>();
  for (const event of events) {
    if (event.type === type) seqs.set(event.job, [...(seqs.get(event.job) ?? []), event.seq]);
  }
  return seqs;
}

describe.skipIf(files.length === 0)(
  `recorded workflows (skipped where ${basename(folder)} is not there)`,
  () => {
    it.each(files.flatMap((file) => [1, 3].map((agents) => ({ file, agents }))))(
      "runs every task of $file once and after its parents on $agents agent(s)",
      async ({ file, agents }) => {
        const tasks = await readTasks(file);
        await using user = await CommandUser.create();
        await writeFile(
          join(user.folder, "workflow.json"),
          JSON.stringify({ jobs: Object.fromEntries(tasks) }),
        );
        const { status, stdout, stderr } = await user.run(
          "run",
          "workflow.json",
          "--json",
          "--no-out",
          "--agents",
          String(agents),
          "--slots",
          "4",
        );
        expect(status, stderr).toBe(0);
        const events = stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as RunEvent);
        const started = seqsByJob(events, "job.started");
        const succeeded = seqsByJob(events, "job.succeeded");
        expect([...started.keys()].sort()).toEqual([...tasks.keys()].sort());
        for (const [job, { needs }] of tasks) {
          expect(started.get(job), job).toHaveLength(1);
          expect(succeeded.get(job), job).toHaveLength(1);
          for (const need of needs) {
            expect(succeeded.get(need)?.[0], `${need} before ${job}`).toBeLessThan(
              started.get(job)?.[0] ?? 0,
            );
          }
        }
      },
      120_000,
    );
  },
);
