/** The same graphs again, on one coordinator and one agent that nothing strikes: what the others are measured by. */
import { type RunAccount, takeAccount } from "./run-account.ts";
import type { Stage } from "./stage.ts";
import { agentVariables, type Workload } from "./workload.ts";

/** A namespace of its own, so that nothing is found stored already. */
const NAMESPACE = "calm";
const SLOTS = 4;

/** Runs them all on the stage's servers, without their pauses; by run. */
export async function runCalmly(
  stage: Stage,
  workloads: readonly Workload[],
): Promise<ReadonlyMap<string, RunAccount>> {
  await stage.addCoordinator("calm-coordinator", NAMESPACE);
  await stage.addAgent("calm-agent", NAMESPACE, ["--slots", String(SLOTS)], { [agentVariables.hurry]: "1" });
  const client = await stage.client(NAMESPACE);
  const bus = await stage.bus(NAMESPACE);
  await stage.agentsAreUp(client, 1);
  const accounts = new Map<string, RunAccount>();
  const submitted = workloads.map(({ run, jobs }) => client.submit({ jobs: [...jobs] }, { run }));
  await Promise.all(submitted);
  for (const { run } of workloads) {
    await client.waitFor(run);
    accounts.set(run, await takeAccount(client, bus, run));
  }
  await stage.stopServices();
  return accounts;
}
