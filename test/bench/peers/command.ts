/** Another program, started for the time it takes. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface CommandOptions {
  readonly folder?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Runs it to its end, which must be a good one, and resolves with the time that took. */
export async function timeOf(
  command: string,
  args: readonly string[],
  { folder, environment }: CommandOptions = {},
): Promise<number> {
  const started = performance.now();
  const child = spawn(command, [...args], {
    stdio: ["ignore", "ignore", "pipe"],
    ...(folder === undefined ? {} : { cwd: folder }),
    ...(environment === undefined ? {} : { env: { ...process.env, ...environment } }),
  });
  let complaint = "";
  child.stderr.on("data", (bytes: Buffer) => {
    complaint = (complaint + bytes.toString()).slice(-2000);
  });
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${signal ?? status}: ${complaint}`);
  return performance.now() - started;
}

/** Whether there is such a command; a peer that is not installed is left out. */
export async function isInstalled(command: string): Promise<boolean> {
  return timeOf("sh", ["-c", `command -v ${command}`]).then(
    () => true,
    () => false,
  );
}
