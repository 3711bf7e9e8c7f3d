import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../../coordinator/cli/catalogue/catalogue.ts";
import { completionScript } from "../../../coordinator/cli/completion/completion-script.ts";

const has = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

/** What bash offers for a command line whose last word is being written. */
function offered(...words: string[]): string[] {
  const script = `${completionScript("bash", catalogue)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _millrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["-c", script, "bash", ...words], { encoding: "utf8", stdio: "pipe" });
  return output.split("\n").filter((word) => word !== "");
}

describe("shell completion", () => {
  it("is a script that bash accepts", () => {
    const { status, stderr } = spawnSync("bash", ["-n"], { input: completionScript("bash", catalogue) });
    expect(stderr.toString()).toBe("");
    expect(status).toBe(0);
  });

  it("completes commands, their options and the values of options", () => {
    expect(offered("millrace", "va")).toEqual(["validate"]);
    expect(offered("millrace", "run", "--keep")).toEqual(["--keep-failed"]);
    expect(offered("millrace", "graph", "--format", "")).toEqual(["dot", "mermaid", "json"]);
    expect(offered("millrace", "artifacts", "")).toEqual(expect.arrayContaining(["list", "get"]));
    expect(offered("millrace", "artifacts", "get", "last", "--o")).toEqual(["--out"]);
    expect(offered("millrace", "completion", "f")).toEqual(["fish"]);
  });

  it("offers files where a file is meant, and nothing where a number is", () => {
    expect(offered("millrace", "run", "package.js")).toEqual(["package.json"]);
    expect(offered("millrace", "run", "--slots", "")).toEqual([]);
  });

  it.runIf(has("zsh"))("is a script that zsh accepts", () => {
    const { status, stderr } = spawnSync("zsh", ["-n"], { input: completionScript("zsh", catalogue) });
    expect(`${status} ${stderr}`).toBe("0 ");
  });

  it.runIf(has("fish"))("is a script that fish accepts", () => {
    // Node's pipe to a child is a socket, which fish does not read.
    const { status, stderr } = spawnSync("sh", ["-c", "cat | fish --no-execute"], {
      input: completionScript("fish", catalogue),
    });
    expect(`${status} ${stderr}`).toBe("0 ");
  });

  it.each(["zsh", "fish"] as const)("names every command and option for %s", (shell) => {
    const script = completionScript(shell, catalogue);
    for (const { entries } of catalogue) for (const { name } of entries) expect(script).toContain(name);
    expect(script).toContain("keep-failed");
  });
});
