/** The log for people at a terminal or in the system's journal: one line each, on stderr. */
import type { Logger } from "../../shared/actor/contract.ts";

const levels = ["debug", "info", "warn", "error"] as const;

/** Writes lines of this level and above. */
export function plainLogger(lowest: (typeof levels)[number]): Logger {
  const line = (level: (typeof levels)[number]) => (fields: object, message: string) => {
    if (levels.indexOf(level) < levels.indexOf(lowest)) return;
    const words = Object.entries(fields).map(([key, value]) => ` ${key}=${word(value)}`);
    const mark = level === "info" ? "" : `${level}: `;
    process.stderr.write(`millrace-agent: ${mark}${message}${words.join("")}\n`);
  };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

function word(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return /\s/.test(text) ? JSON.stringify(text) : text;
}
