import { z } from "zod";
import type { Client } from "../../../shared/client/client.ts";
import type { ArtifactEntry, JobArtifact } from "../../../shared/client/index.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { tableLines } from "../format/table.ts";
import { printJson, printJsonArray } from "../json-output.ts";
import { connectionShape } from "../option-values.ts";
import { findRun } from "../run-reference.ts";
import type { Terminal } from "../terminal.ts";

const schema = z.object({
  ...connectionShape,
  run: z.string(),
  job: z.string().optional(),
  json: z.boolean().default(false),
});

/** `millrace artifacts list`: of a run by job, or of one job by file. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    const { run } = await findRun(client, input.run);
    if (input.job === undefined) await listJobs(client, run, terminal, input.json);
    else {
      const entries = await client.artifactEntries({ run, job: input.job });
      if (input.json) await printJson(terminal, entries);
      else await terminal.print(entryTable(entries, terminal.outIsTerminal ? "aligned" : "plain").join("\n"));
    }
    return exitCode.succeeded;
  }),
);

async function listJobs(client: Client, run: string, terminal: Terminal, json: boolean): Promise<void> {
  if (json) {
    await printJsonArray(terminal, client.listArtifacts(run));
    return;
  }
  const artifacts: JobArtifact[] = [];
  for await (const artifact of client.listArtifacts(run)) artifacts.push(artifact);
  if (artifacts.length === 0) terminal.note(`no job of run ${run} has an artifact`);
  else
    await terminal.print(artifactTable(artifacts, terminal.outIsTerminal ? "aligned" : "plain").join("\n"));
}

/** Artifacts of jobs as lines of a table. */
export function artifactTable(artifacts: readonly JobArtifact[], form: "aligned" | "plain"): string[] {
  const columns = [
    { title: "JOB", maxWidth: 50 },
    { title: "FILES", align: "right" },
    { title: "SIZE", align: "right" },
    { title: "DIGEST" },
  ] as const;
  const rows = artifacts.map(({ job, artifact }) => [
    job,
    String(artifact.files),
    form === "aligned" ? formatBytes(artifact.bytes) : String(artifact.bytes),
    artifact.digest,
  ]);
  return tableLines(columns, rows, form);
}

function entryTable(entries: readonly ArtifactEntry[], form: "aligned" | "plain"): string[] {
  const columns = [{ title: "KIND" }, { title: "SIZE", align: "right" }, { title: "PATH" }] as const;
  const rows = entries.map(({ kind, executable, bytes, path, target }) => [
    executable ? "program" : kind,
    form === "aligned" ? formatBytes(bytes) : String(bytes),
    target === null ? path : `${path} -> ${target}`,
  ]);
  return tableLines(columns, rows, form);
}
