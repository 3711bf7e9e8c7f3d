import { describe, expect, it } from "vitest";
import { RunFollower } from "../../../coordinator/cli/run-follower.ts";
import type { Client } from "../../../shared/client/client.ts";
import type { RunEvent } from "../../../shared/model/event.ts";
import { CapturedTerminal } from "./captured-terminal.ts";
import { blocked, failed, finished, numbered, started, submitted, succeeded } from "./run-event-samples.ts";

function clientOf(events: readonly RunEvent[], logTail: Client["logTail"] = async () => []): Client {
  return {
    namespace: "default",
    watch: async function* () {
      yield* events;
    },
    logTail,
  } as unknown as Client;
}

const events = numbered([
  submitted(3, "hello"),
  started("a"),
  succeeded("a"),
  started("b"),
  failed("b"),
  blocked("c", "b"),
  finished("failed"),
]);

describe("following a run", () => {
  it("says a line for each job that ends when stderr is no terminal", async () => {
    const terminal = new CapturedTerminal();
    await new RunFollower(clientOf(events), "r1", terminal, false).follow(new AbortController().signal);
    expect(terminal.out).toBe("");
    expect(terminal.notes).toEqual([
      "[0/3] run r1 submitted with 3 jobs",
      "[1/3] a succeeded in 1.0 s on host-1",
      "[2/3] b failed in 1.0 s on host-1: exit status 2",
    ]);
  });

  it("prints each event once as JSON and nothing else when that is asked for", async () => {
    const terminal = new CapturedTerminal();
    const repeating = clientOf([...events, ...events]);
    await new RunFollower(repeating, "r1", terminal, true).follow(new AbortController().signal);
    expect(terminal.notes).toEqual([]);
    expect(
      terminal.out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
  });

  it("sums up the failure with the end of its log, and says so when that can't be read", async () => {
    const terminal = new CapturedTerminal();
    const follower = new RunFollower(
      clientOf(events, () => Promise.reject(new Error("no stream"))),
      "r1",
      terminal,
      true,
    );
    await follower.follow(new AbortController().signal);
    await follower.summarise();
    expect(terminal.notes).toContain("b failed on host-1: exit status 2");
    expect(terminal.notes).toContain("  its log could not be read: reading failed: no stream");
    expect(terminal.notes).toContain("1 job blocked by b: c");
    expect(terminal.notes.at(-1)).toContain("hello, run r1 failed after 12.3 s");
  });
});
