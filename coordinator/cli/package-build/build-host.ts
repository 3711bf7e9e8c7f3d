/** Whether the jobs of a build can run in containers, or on the hosts of agents alone. */
import { setTimeout as pause } from "node:timers/promises";
import type { AgentView, Client } from "../../../shared/client/index.ts";
import type { Placement } from "../run-session.ts";

/** How long agents that were just started may take to join. */
const JOIN_PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 50;

/** No agent that could run the jobs has a container engine. A fleet without agents may yet get one that has. */
export async function hasNoEngine(
  client: Pick<Client, "agents">,
  { pool }: Pick<Placement, "pool">,
  signal: AbortSignal,
): Promise<boolean> {
  const until = performance.now() + JOIN_PATIENCE_MS;
  for (;;) {
    const agents = await agentsOf(client, pool ?? "");
    if (agents.length > 0) return agents.every(({ engine }) => engine === null);
    if (pool === undefined || performance.now() > until) return false;
    await pause(LOOK_AGAIN_MS);
    signal.throwIfAborted();
  }
}

async function agentsOf(client: Pick<Client, "agents">, pool: string): Promise<AgentView[]> {
  const found: AgentView[] = [];
  for await (const agent of client.agents()) {
    if (agent.pool === pool && agent.state === "up") found.push(agent);
  }
  return found;
}
