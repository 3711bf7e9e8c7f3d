import { z } from "zod";
import type { AgentView } from "../../../shared/client/index.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { formatElapsed } from "../format/duration.ts";
import { tableLines } from "../format/table.ts";
import { printJsonArray } from "../json-output.ts";
import { connectionShape } from "../option-values.ts";

const schema = z.object({ ...connectionShape, json: z.boolean().default(false) });

/** `millrace agents`: who is there and what each one does. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    if (input.json) {
      await printJsonArray(terminal, client.agents());
      return exitCode.succeeded;
    }
    const agents: AgentView[] = [];
    for await (const agent of client.agents()) agents.push(agent);
    if (agents.length === 0)
      terminal.note("no agent is registered; start one with millrace-agent or millrace up");
    else {
      const lines = agentTable(agents, terminal.outIsTerminal ? "aligned" : "plain");
      await terminal.write(`${lines.join("\n")}\n`);
      for (const { agent, trouble } of agents) {
        if (trouble !== null) terminal.note(`agent ${agent} takes no jobs: ${trouble}`);
      }
    }
    return exitCode.succeeded;
  }),
);

/** Agents as lines of a table. */
export function agentTable(agents: readonly AgentView[], form: "aligned" | "plain"): string[] {
  const columns = [
    { title: "AGENT", maxWidth: 40 },
    { title: "STATE" },
    { title: "MODE" },
    { title: "BUSY", align: "right" },
    { title: "CPU", align: "right" },
    { title: "MEMORY", align: "right" },
    { title: "LOAD", align: "right" },
    { title: "HEARD" },
    { title: "POOL", maxWidth: 20 },
    { title: "ENGINE" },
    { title: "LABELS" },
  ] as const;
  const rows = agents.map((agent) => [
    agent.agent,
    agent.state,
    agent.mode,
    `${agent.running.length}/${agent.capacity.slots}`,
    String(agent.capacity.cpu),
    formatBytes(agent.capacity.memoryBytes),
    agent.load1 === null ? "-" : agent.load1.toFixed(1),
    `${formatElapsed(agent.lastHeardMsAgo)} ago`,
    agent.pool === "" ? "-" : agent.pool,
    agent.engine ?? "-",
    agent.labels.map(([key, value]) => `${key}=${value}`).join(" ") || "-",
  ]);
  return tableLines(columns, rows, form);
}
