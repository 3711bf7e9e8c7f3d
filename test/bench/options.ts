/** The command line of `npm run bench`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

const schema = z.object({
  rows: z
    .string()
    .regex(/^\d+(,\d+)*$/, "must be numbers with commas between")
    .transform((text) => new Set(text.split(",").map(Number)))
    .optional(),
  rounds: z.coerce.number().int().min(1).max(99).optional(),
  short: z.boolean().default(false),
  json: z.string().min(1).optional(),
  product: z
    .string()
    .min(1)
    .default("dist")
    .refine((folder) => existsSync(join(folder, "agent/cli/main.js")), {
      error: ({ input }) =>
        `there are no commands in ${input}: name what \`npm run build\` makes, a dist folder`,
    }),
  profile: z.string().min(1).optional(),
  help: z.boolean().default(false),
});

export type BenchOptions = z.infer<typeof schema>;

export const usage = `npm run bench -- [options]
  --rows 1,2       only these rows (default: all)
  --rounds N       rounds of each row (default: 5; short: 1)
  --short          small sizes: fails on errors and on counters over their budgets, judges no times
  --json FILE      also writes all values, the machine and the versions there
  --product DIR    the built commands to measure (default: dist)
  --profile DIR    leaves CPU profiles of coordinators and agents there; that costs time itself
  --help           prints this
`;

/** Throws for what it does not know. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: "string" },
      rounds: { type: "string" },
      short: { type: "boolean" },
      json: { type: "string" },
      product: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean" },
    },
  });
  return schema.parse(values);
}
