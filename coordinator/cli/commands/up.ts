import { once } from "node:events";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { identifierSchema } from "../../../shared/model/name.ts";
import { holdServer } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { localStateFolder } from "../local/state-folder.ts";
import { LocalAgents } from "../local-agents.ts";
import { wholeNumber } from "../option-values.ts";

const schema = z.object({
  namespace: identifierSchema.default("default"),
  slots: wholeNumber(1, 10_000).optional(),
  agents: wholeNumber(1, 1_000).default(1),
  keepFailed: z.boolean().default(false),
});

/** `millrace up`: the local cluster until it is interrupted, which is its ordinary end. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal, interruption, environment, programs } = context;
  interruption.take();
  const hold = await holdServer(input, { ...context, environment: { ...environment, MILLRACE_SERVER: "" } });
  try {
    interruption.signal.throwIfAborted();
    const agents = await LocalAgents.start({
      program: programs.agent,
      server: Promise.resolve(hold.url),
      namespace: input.namespace,
      pool: "",
      prefix: `${hostname()}-${process.pid}`,
      count: input.agents,
      slots: input.slots ?? Math.max(1, Math.floor(availableParallelism() / input.agents)),
      keepFailed: input.keepFailed,
      isShellOnly: false,
      parent: join(localStateFolder(environment, input.namespace), "agents"),
    });
    try {
      const namespace = input.namespace === "default" ? "" : ` --namespace ${input.namespace}`;
      terminal.note(`the local cluster is up; submit with: millrace submit${namespace} FILE`);
      terminal.note("Ctrl-C ends it");
      const stop = AbortSignal.any([interruption.signal, agents.failure]);
      if (!stop.aborted) await once(stop, "abort");
      agents.failure.throwIfAborted();
      return exitCode.succeeded;
    } finally {
      for (const folder of await agents.stop()) terminal.note(`kept the failed workspace ${folder}`);
    }
  } finally {
    await hold.release();
  }
});
