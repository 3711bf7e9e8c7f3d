/** The command line of `npm run chaos`. */
import { parseArgs } from "node:util";
import { z } from "zod";

const schema = z.object({
  /** How long faults strike. */
  minutes: z.coerce.number().positive().default(1),
  /** The same one gives the same graphs and the same schedule of faults. */
  seed: z.coerce.number().int().min(0).optional(),
  /** Time between two faults, on average, in milliseconds. */
  pace: z.coerce.number().positive().default(1_500),
  /** Three servers that replicate, instead of one. */
  cluster: z.boolean().default(false),
  /** A directed scenario instead of random faults. */
  scenario: z.string().optional(),
  /** No jobs in containers. */
  shellOnly: z.boolean().default(false),
  /** Keep the folder with logs and timeline when all is well, too. */
  keep: z.boolean().default(false),
  help: z.boolean().default(false),
});

export type ChaosOptions = z.infer<typeof schema>;

export const usage = `npm run chaos -- [options]
  --minutes N      how long faults strike (default: 1)
  --seed N         the same one gives the same graphs and the same schedule of faults
  --pace MS        time between two faults, on average (default: 1500)
  --cluster        three nats-servers that replicate, instead of one
  --scenario NAME  a directed scenario instead of random faults
  --shell-only     no jobs in containers
  --keep           keeps the folder with logs and timeline when all is well, too
  --help           prints this
`;

/** Throws for what it does not know. */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string" },
      seed: { type: "string" },
      pace: { type: "string" },
      cluster: { type: "boolean" },
      scenario: { type: "string" },
      "shell-only": { type: "boolean" },
      keep: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const { "shell-only": shellOnly, ...rest } = values;
  return schema.parse({ ...rest, shellOnly });
}
