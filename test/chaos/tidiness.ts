/** Waits until a cluster has put away what its runs needed; what it never does is said. */
import type { AgentView, Client } from "../../shared/client/index.ts";
import { waitUntil } from "../support/wait-until.ts";
import {
  attemptFolders,
  containersOf,
  controlFolders,
  jobProcesses,
  processesAbout,
  usedAttemptFolders,
} from "./leftovers.ts";
import type { Stage } from "./stage.ts";

const LIMIT_MS = 60_000;

/** While it is still up, with no run going: no agent holds anything, nothing of a job is left. */
export async function leftWhileUp(
  stage: Stage,
  client: Client,
  runs: readonly string[],
  engineHost: string | undefined,
): Promise<string[]> {
  return untilNothing(async () => {
    const found: string[] = [];
    for await (const agent of client.agents()) found.push(...agentProblems(agent));
    for (const name of stage.agents) {
      found.push(...usedAttemptFolders(stage.workFolder(name)).map((folder) => `folder ${folder}`));
    }
    found.push(...jobProcesses(stage.folder).map(({ pid, command }) => `process ${pid}: ${command}`));
    if (engineHost !== undefined) {
      found.push(...containersOf(engineHost, runs).map((container) => `container ${container}`));
    }
    return found;
  });
}

/** After it was stopped in order: no process knows its folder, and no folder of an attempt is left. */
export async function leftAfterStop(stage: Stage): Promise<string[]> {
  return untilNothing(async () => [
    ...processesAbout(stage.workRoot).map(({ pid, command }) => `process ${pid}: ${command}`),
    ...stage.agents.flatMap((name) =>
      attemptFolders(stage.workFolder(name)).map((folder) => `folder ${folder}`),
    ),
    ...controlFolders(stage.workRoot).map((folder) => `control folder ${folder}`),
  ]);
}

function agentProblems({ agent, state, running, queued }: AgentView): string[] {
  const problems = state === "up" ? [] : [`${agent} is ${state}`];
  if (running.length > 0) problems.push(`${agent} runs ${JSON.stringify(running)}`);
  if (queued > 0) problems.push(`${agent} has ${queued} jobs queued`);
  return problems;
}

/** What is found last, when it does not go away. */
async function untilNothing(look: () => Promise<string[]>): Promise<string[]> {
  let found: string[] = [];
  const isNothing = async (): Promise<boolean> => {
    found = await look();
    return found.length === 0;
  };
  await waitUntil("nothing is left", isNothing, { timeoutMs: LIMIT_MS, intervalMs: 500 }).catch(
    () => undefined,
  );
  return found.map((what) => `left over: ${what}`);
}
