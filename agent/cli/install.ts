/** `millrace-agent install`: the agent as a systemd service. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { MillraceError } from "../../shared/model/error.ts";

export interface ServiceOptions {
  /** URL of the NATS server; goes to a file that only the service's user can read. */
  readonly server: string;
  /** Arguments of the agent, as they were given to `install`. */
  readonly agentArguments: readonly string[];
  /** Path of `millrace-agent`. */
  readonly program: string;
}

/** Where the unit and its environment belong: the system's for root, else the user's own. */
export interface ServicePlaces {
  readonly unit: string;
  readonly environment: string;
}

/** The places for this user. */
export function servicePlaces(): ServicePlaces {
  if (process.getuid?.() === 0) {
    return { unit: "/etc/systemd/system/millrace-agent.service", environment: "/etc/millrace/agent.env" };
  }
  const config = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  return {
    unit: join(config, "systemd/user/millrace-agent.service"),
    environment: join(config, "millrace/agent.env"),
  };
}

/**
 * The unit's text. `KillMode=process` signals the agent alone: it decides what becomes of its jobs, and jobs outlive
 * an agent that crashed until its successor takes them over.
 */
export function unitText(places: ServicePlaces, program: string, agentArguments: readonly string[]): string {
  const command = [process.execPath, program, ...agentArguments].map(quoteForSystemd).join(" ");
  const target = places.unit.startsWith("/etc/") ? "multi-user.target" : "default.target";
  return `\
[Unit]
Description=Millrace agent
Wants=network-online.target
After=network-online.target

[Service]
EnvironmentFile=${places.environment}
ExecStart=${command}
KillMode=process
Restart=always
RestartSec=2
# A stop waits for the jobs that run; systemctl kill -s TERM a second time ends them.
TimeoutStopSec=infinity
Delegate=yes

[Install]
WantedBy=${target}
`;
}

/** Writes the unit and its environment file, and tells systemd; gives what was done as lines for people. */
export async function installService({ server, agentArguments, program }: ServiceOptions): Promise<string[]> {
  const places = servicePlaces();
  await write(places.environment, `MILLRACE_SERVER=${quoteForSystemd(server)}\n`, 0o600);
  await write(places.unit, unitText(places, program, agentArguments), 0o644);
  const scope = process.getuid?.() === 0 ? [] : ["--user"];
  const control = ["systemctl", ...scope].join(" ");
  const lines = [`wrote ${places.unit}`, `wrote ${places.environment}`];
  try {
    await promisify(execFile)("systemctl", [...scope, "daemon-reload"]);
  } catch {
    // No systemd runs here, as in an image that is being built: it reads the unit when it starts.
    lines.push("systemd was not reached; it reads the unit when it starts");
  }
  return [...lines, `start it with: ${control} enable --now millrace-agent`];
}

async function write(path: string, text: string, mode: number): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, text, { mode });
  } catch (cause) {
    throw new MillraceError("refused", `${path} could not be written: ${(cause as Error).message}`, {
      fix: "Run it as a user who may, or use --print and put the unit in place yourself.",
      cause,
    });
  }
}

/** Double quotes, with what systemd would expand or unescape made literal. */
function quoteForSystemd(word: string): string {
  if (/^[A-Za-z0-9_/.:=@,+-]+$/.test(word)) return word;
  return `"${word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
}
