/** What the command line of `millrace-agent` says, checked: words become values, with the reader's mistake named. */
import { availableParallelism, homedir, hostname, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { parseDurationMs } from "../../shared/model/duration.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { folderName, identifierSchema, nameSchema } from "../../shared/model/name.ts";
import { parseSizeBytes } from "../../shared/model/size.ts";
import type { MinFree } from "../core/disk-room.ts";

const wholeNumber = z
  .string()
  .regex(/^\d{1,6}$/, "must be a whole number")
  .transform(Number);

const positiveNumber = z
  .string()
  .regex(/^\d{1,6}(\.\d+)?$/, "must be a number")
  .transform(Number);

const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: "custom", message: "must be a duration with a unit, such as 2s or 500ms" });
  return z.NEVER;
});

const size = z.string().transform((text, context) => {
  const bytes = parseSizeBytes(text);
  if (bytes !== undefined) return bytes;
  context.addIssue({ code: "custom", message: "must be a size with a unit, such as 8GiB" });
  return z.NEVER;
});

const minFree = z.string().transform((text, context): MinFree => {
  const percent = /^(\d{1,2}(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined) return { share: Number(percent) / 100 };
  const bytes = parseSizeBytes(text);
  if (bytes !== undefined) return { bytes };
  context.addIssue({
    code: "custom",
    message: "must be a size with a unit, such as 1GiB, or a part, such as 5%",
  });
  return z.NEVER;
});

const label = z
  .string()
  .regex(/^[^=]+=/, "must be key=value")
  .transform((text): [string, string] => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  });

const optionsSchema = z.object({
  server: z.string().min(1).optional(),
  name: nameSchema.optional(),
  slots: wholeNumber.optional(),
  label: z.array(label).default([]),
  pool: z.string().max(64).default(""),
  workDir: z.string().min(1).optional(),
  keepFailed: z.boolean().default(false),
  shellOnly: z.boolean().default(false),
  stop: z.enum(["drain", "now", "leave"]).default("drain"),
  heartbeat: duration.default(2_000),
  grace: duration.default(5_000),
  namespace: identifierSchema.default("default"),
  cpu: positiveNumber.optional(),
  memory: size.optional(),
  minFree: minFree.optional(),
  logBacklog: size.optional(),
  passEnv: z.array(z.string().min(1)).default([]),
  runner: z.enum(["shell", "noop"]).default("shell"),
  exitWithStdin: z.boolean().default(false),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  jsonLogs: z.boolean().default(false),
});

/** The options with their defaults; throws `badInput` with every mistake. */
export function readOptions(raw: unknown, environment: NodeJS.ProcessEnv) {
  const parsed = optionsSchema.safeParse(raw);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map(({ path, message }) => `--${kebab(String(path[0]))} ${message}`);
    throw new MillraceError("badInput", mistakes.join("; "), { fix: "See millrace-agent --help." });
  }
  const options = parsed.data;
  const name = options.name ?? hostname();
  const server = options.server ?? environment.MILLRACE_SERVER;
  if (server === undefined || server === "") {
    throw new MillraceError("badInput", "an agent needs the URL of a NATS server", {
      fix: "Set MILLRACE_SERVER, or give --server.",
    });
  }
  const state = environment.XDG_STATE_HOME || join(homedir(), ".local/state");
  return {
    ...options,
    server,
    name,
    workFolder: resolve(options.workDir ?? join(state, "millrace/agents", folderName(name))),
    capacity: {
      slots: options.slots ?? availableParallelism(),
      cpu: options.cpu ?? availableParallelism(),
      memoryBytes: options.memory ?? totalmem(),
    },
  };
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
