/** What the cluster says of runs that do not end. */
import type { Client } from "../../shared/client/index.ts";

const FINAL_PHASES: ReadonlySet<string> = new Set(["succeeded", "failed", "blocked", "skipped", "cancelled"]);
/** Jobs of a run that are explained. */
const EXPLAINED = 5;

/** Lines for people; what can't be asked is said instead of thrown. */
export async function diagnose(client: Client, runs: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  const ask = async (what: string, question: () => Promise<unknown>): Promise<void> => {
    const answer = await question().catch((error: unknown) => `no answer: ${String(error)}`);
    lines.push(`${what}: ${typeof answer === "string" ? answer : JSON.stringify(answer)}`);
  };
  await ask("status", () => client.status());
  await ask("agents", async () => {
    const agents = [];
    for await (const { agent, state, mode, running, queued, lastHeardMsAgo } of client.agents()) {
      agents.push({ agent, state, mode, running, queued, lastHeardMsAgo });
    }
    return agents;
  });
  for (const run of runs) {
    await ask(`run ${run}`, () => client.run(run));
    const open: string[] = [];
    await ask(`open jobs of ${run}`, async () => {
      for await (const { job, phase, attempts } of client.jobs(run)) {
        if (!FINAL_PHASES.has(phase)) open.push(job);
        if (!FINAL_PHASES.has(phase)) lines.push(`  ${job} is ${phase}: ${JSON.stringify(attempts.at(-1))}`);
      }
      return open.join(", ");
    });
    for (const job of open.slice(0, EXPLAINED)) await ask(`  ${job}`, () => client.explain(run, job));
  }
  return lines;
}
