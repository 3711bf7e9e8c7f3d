import { z } from "zod";
import type { AgentEvent, RunEvent } from "../../../shared/client/index.ts";
import { agentEventSchema, runEventSchema } from "../../../shared/model/event.ts";
import { nearestName } from "../../../shared/model/nearest-name.ts";
import { withCluster } from "../cluster.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import { printable } from "../format/display-width.ts";
import { connectionShape, momentValue, wholeNumber } from "../option-values.ts";
import { describeEvent } from "../progress/event-line.ts";
import { findRun } from "../run-reference.ts";

type EventType = RunEvent["type"] | AgentEvent["type"];

const types: readonly EventType[] = [...runEventSchema.options, ...agentEventSchema.options].map(
  ({ shape }) => shape.type.value,
);

const eventType = z.string().transform((text, context): EventType => {
  const known = types.find((type) => type === text);
  if (known !== undefined) return known;
  const nearest = nearestName(text, types);
  const hint = nearest === undefined ? `; they are ${types.join(", ")}` : `; did you mean ${nearest}?`;
  context.addIssue({ code: "custom", message: `knows no event ${JSON.stringify(text)}${hint}` });
  return z.NEVER;
});

const schema = z
  .object({
    ...connectionShape,
    follow: z.boolean().default(false),
    run: z.string().optional(),
    job: z.string().optional(),
    type: z.array(eventType).optional(),
    since: momentValue.optional(),
    from: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
    json: z.boolean().default(false),
  })
  .refine(({ from, run }) => from === undefined || run !== undefined, {
    path: ["from"],
    message: "needs --run, as events are numbered within their run",
  });

/** `millrace events`: what happened, then what happens. */
export const command = defineCommand(schema, async (input, context) =>
  withCluster(input, context, async (client) => {
    const { terminal, interruption } = context;
    const { follow, job, type, from } = input;
    const events = client.events({
      follow,
      signal: interruption.signal,
      ...(input.run === undefined ? {} : { run: (await findRun(client, input.run)).run }),
      ...(job === undefined ? {} : { job }),
      ...(type === undefined ? {} : { type }),
      ...(input.since === undefined ? {} : { since: input.since(Date.now()) }),
      ...(from === undefined ? {} : { from }),
    });
    for await (const event of events) {
      await terminal.print(input.json ? JSON.stringify(event) : eventLine(event));
    }
    return exitCode.succeeded;
  }),
);

/** An event as one line: when, which run or agent, which job, what. */
export function eventLine(event: RunEvent | AgentEvent): string {
  const subject =
    "run" in event ? `${event.run} ${"job" in event ? event.job : "run"}` : `agent ${event.agent}`;
  return printable(`${event.at} ${subject} ${describeEvent(event)}`);
}
