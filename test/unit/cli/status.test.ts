import { expect, it } from "vitest";
import { livingRuns, runLines } from "../../../coordinator/cli/commands/status.ts";
import type { Client, RunView } from "../../../shared/client/index.ts";
import { sampleRunView } from "../../support/run-view.ts";

function view(run: string, status: RunView["status"], minute: number): RunView {
  const submittedAt = new Date(minute * 60_000).toISOString();
  return sampleRunView({ run, status, submittedAt, endedAt: null });
}

it("the status of a run tells when it is expected to end", () => {
  const running = view("r1", "running", 0);
  const lines = runLines({ ...running, expectedEndAt: new Date(200_000).toISOString() }, 80_000);
  expect(lines).toContain("expected to end in about 2m 00s");
  expect(runLines(running, 80_000).join()).not.toContain("expected");
});

it("the status of the cluster has the runs that are being cancelled, too, once and latest first", async () => {
  const listings: Partial<Record<RunView["status"], RunView[]>> = {
    running: [view("r4", "running", 4), view("r2", "running", 2)],
    // Cancelled after the first listing.
    cancelling: [view("r3", "cancelling", 3), view("r2", "cancelling", 2)],
  };
  const client: Pick<Client, "runs"> = {
    async *runs({ status = "running" } = {}) {
      yield* listings[status] ?? [];
    },
  };
  const living = await livingRuns(client);
  expect(living.map(({ run, status }) => `${run} ${status}`)).toEqual([
    "r4 running",
    "r3 cancelling",
    "r2 cancelling",
  ]);
});
