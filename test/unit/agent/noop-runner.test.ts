import { Command } from "commander";
import { expect, it } from "vitest";
import { withAgentFlags } from "../../../agent/cli/flags.ts";
import { NoopRunner } from "../../../agent/runners/noop-runner.ts";

it("says that a command ended well without having run it", async () => {
  const { exit } = await new NoopRunner().start();
  expect(await exit).toMatchObject({ kind: "exited", exitCode: 0, usage: { wallMs: 0 } });
});

it("does not vouch for what an earlier process of the agent was given", async () => {
  expect(await new NoopRunner().adopt().exit).toMatchObject({ kind: "unknown" });
});

it("is no option of the help", () => {
  expect(withAgentFlags(new Command()).helpInformation()).not.toContain("--runner");
});
