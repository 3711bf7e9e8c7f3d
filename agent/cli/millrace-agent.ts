/** The `millrace-agent` command. What runs an agent is loaded when one is to run: `--help` must answer at once. */
import { Command, CommanderError } from "commander";
import { MillraceError, stackOf } from "../../shared/model/error.ts";
import { version } from "../../shared/model/version.ts";
import { withAgentFlags } from "./flags.ts";

const exitCode = { stopped: 0, usage: 2, infrastructure: 3 } as const;

const examples = `
The server may be named by MILLRACE_SERVER, which other users of the host can't read as they can arguments.

Examples:
  MILLRACE_SERVER=nats://10.0.0.1:4222 millrace-agent
  millrace-agent --server nats://10.0.0.1:4222 --name big --slots 16 --label arch=x86_64 --label gpu=yes
  millrace-agent install --print --server nats://10.0.0.1:4222 --slots 8

Signals: SIGTERM and SIGINT stop it as --stop says; a second one ends its jobs at once.
Exit status: 0 stopped, 2 bad usage, 3 infrastructure.
`;

function commandLine(program: string): Command {
  const command = new Command("millrace-agent")
    .description("Runs the jobs of Millrace runs on this host.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showHelpAfterError(false)
    .enablePositionalOptions()
    .addHelpText("after", examples);
  withAgentFlags(command).action(async (raw: unknown) => {
    const { runAgent } = await import("./run.ts");
    process.exitCode = await runAgent(raw);
  });
  command
    .command("install")
    .summary("install the agent as a systemd service")
    .description("Installs the agent as a systemd service; takes the options of the agent itself.")
    .usage("[--print] [agent's options]")
    .helpOption("-h, --help", "print this help")
    .option("--print", "only show the unit")
    .allowUnknownOption()
    .allowExcessArguments()
    .argument("[options...]", "options of the agent, see millrace-agent --help")
    .action(async (_: string[], options: { print?: boolean }, install: Command) => {
      const { runInstall } = await import("./run-install.ts");
      await runInstall(install.args, { program, printOnly: options.print === true });
    });
  return command;
}

/** Says what went wrong and what to do about it; gives the exit status. */
function conclude(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCode.stopped;
    process.stderr.write(
      `millrace-agent: ${error.message.replace(/^error: /, "")}\n  See millrace-agent --help.\n`,
    );
    return exitCode.usage;
  }
  if (!(error instanceof MillraceError)) {
    process.stderr.write(`millrace-agent: internal error: ${stackOf(error)}\n`);
    return exitCode.infrastructure;
  }
  process.stderr.write(`millrace-agent: ${error.message}\n`);
  if (error.fix !== undefined) process.stderr.write(`  ${error.fix}\n`);
  const isUsage = error.code === "badInput" || error.code === "conflict" || error.code === "refused";
  return isUsage ? exitCode.usage : exitCode.infrastructure;
}

/** Carries out the command line of the program at this path, and ends the process. */
export async function runMillraceAgent(program: string): Promise<void> {
  try {
    await commandLine(program).parseAsync();
  } catch (error) {
    process.exitCode = conclude(error);
  }
  // A library may hold something open; the agent has put everything in order by now.
  process.exit();
}
