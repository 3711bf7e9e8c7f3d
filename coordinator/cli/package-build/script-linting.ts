/** Has a program look at the scripts of packages before they run: it gets each on its standard input. */
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { execa } from "execa";
import { MillraceError } from "../../../shared/model/error.ts";
import { type Package, packageTitle } from "../../readers/packages/package.ts";
import { inCrew } from "../../sources/crew.ts";

export interface LintedScript {
  readonly package: Package;
  readonly script: string;
}

/** What a linter says of a script that it does not accept. */
export interface LintFinding {
  readonly package: Package;
  readonly text: string;
}

const CONCURRENT_LINTERS = 4;
const LINTER_TIMEOUT_MS = 60_000;

/** Runs the configured linter over scripts, a few at a time. */
export async function lintScripts(
  root: string,
  linter: string,
  scripts: readonly LintedScript[],
): Promise<LintFinding[]> {
  const program = await linterProgram(root, linter);
  const findings = await inCrew(CONCURRENT_LINTERS, scripts, async ({ package: item, script }) => {
    const { failed, all, exitCode, shortMessage, code } = await execa(program, [], {
      input: script,
      all: true,
      reject: false,
      timeout: LINTER_TIMEOUT_MS,
    });
    if (!failed) return [];
    if (exitCode === undefined) {
      const what =
        code === "ENOENT"
          ? `there is no linter ${JSON.stringify(linter)}`
          : `the linter did not run to its end: ${shortMessage}`;
      throw new MillraceError("badInput", what, {
        fix: "script_linter in the repository's configuration names a program, without arguments; --no-lint leaves it out.",
      });
    }
    return [{ package: item, text: all.trimEnd() || `${program} ended with status ${exitCode}` }];
  });
  return findings.flat();
}

/** Which of the configured phases a package has not got, and which of its own are not configured; for people. */
export function phaseFindings(item: Package, availablePhases: readonly string[]): string[] {
  const own = [...item.phases.keys()];
  const missing = availablePhases.filter((phase) => !item.phases.has(phase));
  const unknown = own.filter((phase) => !availablePhases.includes(phase));
  return [
    ...missing.map((phase) => `${packageTitle(item)} has no script for the phase ${JSON.stringify(phase)}`),
    ...unknown.map(
      (phase) =>
        `${packageTitle(item)} has the phase ${JSON.stringify(phase)}, which available_phases do not have`,
    ),
  ];
}

/** In the repository where it is there, else as the shell would find it. */
async function linterProgram(root: string, linter: string): Promise<string> {
  if (isAbsolute(linter)) return linter;
  const own = join(root, linter);
  return await access(own).then(
    () => own,
    () => linter,
  );
}
