/** The fleet as the API shows it. */
import type { AgentView } from "../../shared/model/api.ts";
import type { AgentRecord, Fleet } from "./fleet.ts";

export function viewAgents(
  fleet: Fleet,
  jobName: (run: string, job: number) => string | undefined,
  nowMs: number,
): AgentView[] {
  const sorted = [...fleet.agents.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map((agent) => viewAgent(agent, jobName, nowMs));
}

function viewAgent(
  agent: AgentRecord,
  jobName: (run: string, job: number) => string | undefined,
  nowMs: number,
): AgentView {
  const { hello } = agent;
  const running = agent.held.filter((held) => held.phase === "running");
  return {
    agent: agent.name,
    incarnation: hello.incarnation,
    state: agent.state,
    mode: agent.mode,
    capacity: hello.capacity,
    labels: hello.labels,
    pool: hello.pool,
    hostname: hello.host.hostname,
    pid: hello.host.pid,
    version: hello.versions.millrace,
    engine: hello.versions.engine,
    load1: agent.load1,
    running: running.map(({ run, job, attempt }) => ({ run, job: jobName(run, job) ?? `#${job}`, attempt })),
    queued: agent.held.filter((held) => held.phase === "queued").length,
    trouble: agent.trouble ?? null,
    refused: agent.refused,
    lastHeardMsAgo: Math.max(0, Math.round(nowMs - agent.lastHeardMs)),
  };
}
