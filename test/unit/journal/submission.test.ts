import { expect, test } from "vitest";
import type { RecordOf } from "../../../coordinator/core/record.ts";
import { jobAt } from "../../../coordinator/core/run-state.ts";
import { openSubmission } from "../../../coordinator/journal/submission.ts";
import { recordedRun } from "../../support/recorded-run.ts";

/** Opens the submission of a retry whose list of carried jobs is stored as this. */
async function opened(stored: unknown) {
  const [submitted] = recordedRun({ endedAt: null, carried: "c".repeat(64) });
  const readGraph = (): Promise<never> => Promise.reject(new Error("no graph is stored here"));
  const documents = { read: () => Promise.resolve(stored) };
  return await openSubmission("r1", submitted as RecordOf<"submitted">, { readGraph, documents });
}

test("a retry whose list of carried jobs is something else can't be read", async () => {
  for (const stored of [{ jobs: [] }, [{ job: "a" }], null]) {
    await expect(opened(stored)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("its list of carried jobs"),
    });
  }
  expect(jobAt(await opened([]), 0).phase).toBeDefined();
});
