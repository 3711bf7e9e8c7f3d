import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { followExpectedEnd } from "../../../coordinator/cli/progress/expected-end.ts";
import { emptyProgress } from "../../../coordinator/cli/progress/run-progress.ts";
import type { Client, RunView } from "../../../shared/client/index.ts";

describe("the expected end of a run that is followed", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function clientOf(answer: () => Promise<Partial<RunView>>) {
    const asked: unknown[] = [];
    const client = {
      run: (run: string, options?: object) => {
        asked.push([run, options]);
        return answer();
      },
    } as unknown as Pick<Client, "run">;
    return { client, asked };
  }

  it("is asked for every few seconds, and not any more when nobody follows", async () => {
    const progress = emptyProgress("r1");
    const { client, asked } = clientOf(async () => ({
      expectedEndAt: new Date(60_000 + asked.length).toISOString(),
    }));
    const forget = followExpectedEnd(client, progress);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual([["r1", { forecast: true }]]);
    expect(progress.expectedEndAtMs).toBe(60_001);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(progress.expectedEndAtMs).toBe(60_002);
    forget();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(2);
  });

  it("is unknown while the leader does not say it, fails, or does not answer", async () => {
    const progress = emptyProgress("r1");
    const answers: (() => Promise<Partial<RunView>>)[] = [
      async () => ({ expectedEndAt: new Date(60_000).toISOString() }),
      async () => ({}),
      () => Promise.reject(new Error("nobody leads")),
      () => new Promise(() => undefined),
      async () => ({ expectedEndAt: new Date(90_000).toISOString() }),
    ];
    const seen: (number | null)[] = [];
    const { client } = clientOf(() => (answers.shift() ?? (async () => ({})))());
    const forget = followExpectedEnd(client, progress);
    await vi.advanceTimersByTimeAsync(1_000);
    for (const waitMs of [3_000, 3_000, 5_000, 3_000, 0]) {
      seen.push(progress.expectedEndAtMs);
      await vi.advanceTimersByTimeAsync(waitMs);
    }
    forget();
    expect(seen).toEqual([60_000, null, null, null, 90_000]);
  });
});
