import { z } from "zod";
import { formatBytes } from "../../../shared/model/size.ts";
import { printAnswers } from "../agent-hosts/answer-listing.ts";
import { askAll, hostShape } from "../agent-hosts/asked-agents.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";

const schema = z.object({ ...hostShape, agents: z.array(z.string()).default([]) });

/** `millrace agents stats`: what agents' hosts are, and what their engines hold. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal } = context;
    const { answered, status } = await askAll<"stats">(client, terminal, input.agents, { kind: "stats" });
    await printAnswers(terminal, input, {
      columns: [
        { title: "AGENT", maxWidth: 40 },
        { title: "HOST" },
        { title: "ENGINE" },
        { title: "CONTAINERS", align: "right" },
        { title: "RUNNING", align: "right" },
        { title: "IMAGES", align: "right" },
        { title: "KERNEL" },
        { title: "SYSTEM" },
        { title: "CPUS", align: "right" },
        { title: "MEMORY", align: "right" },
        { title: "TIME" },
      ],
      rows: answered.map(({ agent, answer }) => [
        agent,
        answer.hostname,
        answer.engine ?? "-",
        ...[answer.containers, answer.running, answer.images].map((count) => String(count ?? "-")),
        answer.kernel,
        answer.system,
        String(answer.processors),
        formatBytes(answer.memoryBytes),
        answer.at,
      ]),
      document: answered.map(({ agent, answer: { kind: _kind, ...stats } }) => ({ agent, ...stats })),
    });
    return status;
  }),
);
