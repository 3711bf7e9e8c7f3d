import { z } from "zod";
import type { AttemptView, Client, JobView, RunView } from "../../../shared/client/index.ts";
import type { JobPhase } from "../../../shared/model/event.ts";
import { describeProgress } from "../../../shared/model/outcome.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printable } from "../format/display-width.ts";
import { formatAge, formatDuration } from "../format/duration.ts";
import { tableLines } from "../format/table.ts";
import { printJson } from "../json-output.ts";
import { connectionShape } from "../option-values.ts";
import { askExpectedEnd } from "../progress/expected-end.ts";
import { findRun } from "../run-reference.ts";
import { clusterLines } from "../summary/cluster-lines.ts";
import type { Terminal } from "../terminal.ts";
import { agentTable } from "./agents-list.ts";
import { runTable } from "./runs.ts";

const schema = z.object({
  ...connectionShape,
  run: z.string().optional(),
  all: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** Phases that somebody who asks for a run's status wants to see first. */
const telling: readonly JobPhase[] = ["running", "assigned", "failed"];
/** Jobs listed of one phase unless all are asked for. */
const MAX_JOBS = 50;

/** `millrace status`: of the cluster, or of one run. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    if (input.run === undefined) await showCluster(client, terminal, input.json);
    else await showRun(client, await withForecast(client, await findRun(client, input.run)), terminal, input);
    return exitCode.succeeded;
  }),
);

async function showCluster(client: Client, terminal: Terminal, json: boolean): Promise<void> {
  const [status, agents, running] = await Promise.all([
    client.status(),
    collect(client.agents(), Number.POSITIVE_INFINITY),
    livingRuns(client),
  ]);
  if (json) {
    await printJson(terminal, { ...status, agentList: agents, running });
    return;
  }
  const form = terminal.outIsTerminal ? "aligned" : "plain";
  await terminal.print(clusterLines(status, Date.now()).join("\n"));
  if (agents.length === 0) await terminal.print("no agent is registered");
  else await terminal.print(`\n${agentTable(agents, form).join("\n")}`);
  if (running.length > 0) await terminal.print(`\n${runTable(running, Date.now(), form).join("\n")}`);
}

/** The run with what only its leader knows, where that is told soon. */
async function withForecast(client: Client, view: RunView): Promise<RunView> {
  if (view.endedAt !== null) return view;
  const expectedEndAtMs = await askExpectedEnd(client, view.run);
  return expectedEndAtMs === null
    ? view
    : { ...view, expectedEndAt: new Date(expectedEndAtMs).toISOString() };
}

async function showRun(
  client: Client,
  view: RunView,
  terminal: Terminal,
  { all, json }: { readonly all: boolean; readonly json: boolean },
): Promise<void> {
  if (json) {
    const jobs = await collect(client.jobs(view.run), Number.POSITIVE_INFINITY);
    await printJson(terminal, { ...view, jobList: jobs });
    return;
  }
  await terminal.print(runLines(view, Date.now()).join("\n"));
  const jobs = all
    ? await collect(client.jobs(view.run), Number.POSITIVE_INFINITY)
    : (await Promise.all(telling.map((phase) => collect(client.jobs(view.run, { phase }), MAX_JOBS)))).flat();
  if (jobs.length === 0) return;
  const lines = jobTable(jobs, terminal.outIsTerminal ? "aligned" : "plain");
  await terminal.print(`\n${lines.join("\n")}`);
}

/** Runs that have not ended, latest first: those that are being cancelled, too. */
export async function livingRuns(client: Pick<Client, "runs">): Promise<RunView[]> {
  // Cancelling ones last: a run that is cancelled in between is listed twice rather than not at all.
  const running = await collect(client.runs({ status: "running" }), Number.POSITIVE_INFINITY);
  const cancelling = await collect(client.runs({ status: "cancelling" }), Number.POSITIVE_INFINITY);
  const living = [...new Map([...running, ...cancelling].map((view) => [view.run, view])).values()];
  return living.sort((a, b) => (a.submittedAt < b.submittedAt ? 1 : -1));
}

/** A run as a few lines: what it is, how far it is, why it ended. */
export function runLines(view: RunView, nowMs: number): string[] {
  const name = view.name === null ? "" : ` (${printable(view.name)})`;
  const counts = Object.entries(view.counts).flatMap(([phase, count]) => {
    const reused = phase === "succeeded" && view.reused > 0 ? ` (${view.reused} reused)` : "";
    return count > 0 ? [`${count} ${phase}${reused}`] : [];
  });
  const took = view.endedAt === null ? undefined : Date.parse(view.endedAt) - Date.parse(view.submittedAt);
  const { expectedEndAt } = view;
  const leftMs = expectedEndAt === undefined ? undefined : Math.max(1000, Date.parse(expectedEndAt) - nowMs);
  const by = view.submitter === "" ? "" : ` by ${printable(view.submitter)}`;
  return [
    `run ${view.run}${name}: ${view.status}`,
    `submitted ${formatAge(view.submittedAt, nowMs)}${by}, priority ${view.priority}`,
    `jobs ${view.jobs}: ${counts.join(", ")}`,
    ...(view.retryOf === null ? [] : [`retries run ${view.retryOf}`]),
    ...(took === undefined ? [] : [`took ${formatDuration(took)}`]),
    ...(leftMs === undefined ? [] : [`expected to end in about ${formatDuration(leftMs)}`]),
    ...(view.reason === null ? [] : [printable(view.reason)]),
  ];
}

/** Jobs as lines of a table. */
export function jobTable(jobs: readonly JobView[], form: "aligned" | "plain"): string[] {
  const columns = [
    { title: "JOB", maxWidth: 50 },
    { title: "PHASE" },
    { title: "ATTEMPT", align: "right" },
    { title: "AGENT", maxWidth: 40 },
    { title: "TOOK", align: "right" },
    { title: "WHY" },
  ] as const;
  const rows = jobs.map((job) => {
    const attempt = job.attempts.at(-1);
    const wallMs = attempt?.wallMs ?? null;
    return [
      job.job,
      job.phase,
      attempt === undefined ? "-" : String(attempt.attempt),
      attempt?.agent ?? "-",
      wallMs === null ? "-" : formatDuration(wallMs),
      job.reason ?? saidBy(attempt),
    ];
  });
  return tableLines(columns, rows, form);
}

/** What the marks in its log say, while it runs, or that they have not said that it succeeded. */
function saidBy(attempt: AttemptView | undefined): string {
  if (attempt === undefined) return "";
  const { outcome, progress, implicit } = attempt;
  if (implicit) return "no mark says so";
  return outcome === null && progress !== null ? describeProgress(progress) : "";
}

async function collect<T>(items: AsyncIterable<T>, limit: number): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) {
    if (collected.length === limit) break;
    collected.push(item);
  }
  return collected;
}
