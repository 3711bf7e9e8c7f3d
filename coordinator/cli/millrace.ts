/** The `millrace` command. Loads no more than the command named needs: `--help` must answer at once. */
import { MillraceError, stackOf } from "../../shared/model/error.ts";
import { version } from "../../shared/model/version.ts";
import { butidoRefusal } from "./butido-words.ts";
import { catalogue } from "./catalogue/catalogue.ts";
import type { Programs } from "./command-context.ts";
import { exitCode, exitCodeOfError } from "./exit-code.ts";
import { Interrupted, Interruption } from "./interruption.ts";
import { runProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";

const interruption = new Interruption((reason) => exitNow(conclude(reason)));
const terminal = processTerminal((error) => {
  const isReaderGone = error.code === "EPIPE";
  // A command that must put things in order is told to stop; one without has nothing left to do for a reader.
  if (isReaderGone && !interruption.taken) exitNow(exitCode.succeeded);
  interruption.interrupt(
    isReaderGone
      ? new Interrupted("the reader of its output")
      : new MillraceError("unavailable", `its output can't be written: ${error.message}`, { cause: error }),
  );
});

function exitNow(status: number): never {
  terminal.flush();
  process.exit(status);
}

/** Says what went wrong and what to do about it; gives the exit status. */
function conclude(error: unknown): number {
  if (error instanceof Interrupted) return exitCode.interrupted;
  if (!(error instanceof MillraceError)) {
    terminal.note(`millrace: internal error: ${stackOf(error)}`);
    return exitCode.infrastructure;
  }
  terminal.note(`millrace: ${error.message}`);
  if (error.code === "internal" && error.cause instanceof Error)
    terminal.note(`  cause: ${error.cause.stack}`);
  if (error.fix !== undefined) terminal.note(`  ${error.fix}`);
  return exitCodeOfError(error.code);
}

/** Carries out the command line, and ends the process. */
export async function runMillrace(programs: Programs): Promise<void> {
  const status = await carryOut(programs);
  // Whatever a library has left open must not keep the command alive once it has said all it has to say.
  terminal.flush();
  // A failure to write the last of it is told a moment later, and changes the status.
  process.stdout.write("", () => setImmediate(() => process.exit(status)));
}

async function carryOut(programs: Programs): Promise<number> {
  try {
    const refusal = butidoRefusal(process.argv.slice(2));
    if (refusal !== undefined) throw refusal;
    return await runProgram(catalogue, version, process.argv.slice(2), async (entry, input, words) => {
      interruption.listen(process);
      const { command } = await entry.load();
      const { env: environment } = process;
      return await command(input, {
        entry,
        words,
        catalogue,
        terminal,
        environment,
        interruption,
        programs,
      });
    });
  } catch (error) {
    return conclude(error);
  }
}
