/** Installs nats-server through the system's package manager. */
import { execa } from "execa";
import { MillraceError } from "../../model/error.ts";
import { type FoundServer, findServer } from "./find-server.ts";

/** Commands of each package manager, and whether they must be run as root. */
const managers = {
  apt: {
    needsRoot: true,
    commands: [
      ["apt-get", "update"],
      ["apt-get", "install", "-y", "--no-install-recommends", "nats-server"],
    ],
  },
  dnf: { needsRoot: true, commands: [["dnf", "install", "-y", "nats-server"]] },
  brew: { needsRoot: false, commands: [["brew", "install", "nats-server"]] },
} as const;
type Manager = keyof typeof managers;

/** Resolves with a server that can be found afterwards; the manager's own messages go to stderr. */
export async function installWith(
  manager: Manager,
  environment: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<FoundServer> {
  const { needsRoot, commands } = managers[manager];
  if (needsRoot && !isRoot()) {
    throw new MillraceError("refused", `${manager} must be run as root`, {
      fix: `Run \`sudo ${commands.at(-1)?.join(" ")}\`, or \`millrace setup --via download\`.`,
    });
  }
  for (const [program, ...words] of commands) {
    say(`running ${[program, ...words].join(" ")}`);
    await run(program, words, environment);
  }
  const found = await findServer(environment);
  say(`nats-server ${found.version} is installed: ${found.path}`);
  return found;
}

async function run(program: string, words: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  try {
    await execa(program, words, {
      env: { ...environment, DEBIAN_FRONTEND: "noninteractive" },
      extendEnv: false,
      // A package manager's output is for the user; stdout stays for what the command itself answers.
      stdout: process.stderr,
      stderr: process.stderr,
      buffer: false,
    });
  } catch (cause) {
    throw new MillraceError("unavailable", `${program} failed`, {
      fix: "See its messages above, or try another way: `millrace setup --via download`.",
      cause,
    });
  }
}

/** The first manager that is there and can be used without asking for a password. */
export async function usableManager(environment: NodeJS.ProcessEnv): Promise<Manager | undefined> {
  for (const manager of Object.keys(managers) as Manager[]) {
    const { needsRoot, commands } = managers[manager];
    if (needsRoot && !isRoot()) continue;
    const { failed } = await execa(commands[0][0], ["--version"], {
      env: environment,
      extendEnv: false,
      stdio: "ignore",
      reject: false,
    });
    if (!failed) return manager;
  }
  return undefined;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
