/** Carries out `millrace-agent install`. */
import { MillraceError } from "../../shared/model/error.ts";
import { parseAgentFlags } from "./flags.ts";
import { installService, servicePlaces, unitText } from "./install.ts";
import { readOptions } from "./options.ts";

/**
 * `given` are the agent's own options, checked here, or the service would fail when it starts. The server's URL is
 * taken out of them, as arguments can be read by others.
 */
export async function runInstall(
  given: readonly string[],
  { program, printOnly }: { program: string; printOnly: boolean },
): Promise<void> {
  const { server, rest } = withoutServer(given);
  readOptions(parseAgentFlags(rest), { MILLRACE_SERVER: "given elsewhere" });
  if (printOnly) {
    process.stdout.write(unitText(servicePlaces(), program, rest));
    return;
  }
  const url = server ?? process.env.MILLRACE_SERVER;
  if (url === undefined || url === "") {
    throw new MillraceError("badInput", "the service needs the URL of a NATS server", {
      fix: "Give --server, or set MILLRACE_SERVER.",
    });
  }
  for (const line of await installService({ server: url, agentArguments: rest, program }))
    process.stdout.write(`${line}\n`);
}

function withoutServer(given: readonly string[]): { server: string | undefined; rest: string[] } {
  const rest: string[] = [];
  let server: string | undefined;
  for (let index = 0; index < given.length; index += 1) {
    const word = given[index]!;
    if (word === "--server") {
      index += 1;
      server = given[index];
    } else if (word.startsWith("--server=")) {
      server = word.slice("--server=".length);
    } else {
      rest.push(word);
    }
  }
  return { server, rest };
}
