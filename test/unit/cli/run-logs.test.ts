import { describe, expect, it } from "vitest";
import { RunLogs } from "../../../coordinator/cli/run-logs.ts";
import type { Client, LogRecord } from "../../../shared/client/client.ts";
import { CapturedTerminal } from "./captured-terminal.ts";
import { numbered, started, submitted, succeeded } from "./run-event-samples.ts";

/** A client of a run whose jobs wrote these texts, each in pieces of three bytes. */
function clientWith(logs: ReadonlyMap<string, string>): Client {
  const jobs = [...logs.keys()];
  return {
    watch: async function* () {
      yield* numbered([submitted(jobs.length), ...jobs.map((job) => started(job)), ...jobs.map(succeeded)]);
    },
    jobs: async function* () {
      for (const job of jobs) yield { job, attempts: [{}] };
    },
    logs: async function* (_run: string, job: string): AsyncIterable<LogRecord> {
      const bytes = Buffer.from(logs.get(job) ?? "");
      for (let offset = 0; offset < bytes.length; offset += 3) {
        await Promise.resolve();
        yield { kind: "bytes", attempt: 1, offset, bytes: bytes.subarray(offset, offset + 3) };
      }
      yield { kind: "attemptEnded", attempt: 1, outcome: { kind: "succeeded" }, retried: false };
    },
  } as unknown as Client;
}

describe("the logs of a run", () => {
  it("are printed job after job, each line after its job's name", async () => {
    const terminal = new CapturedTerminal();
    const client = clientWith(
      new Map([
        ["a", "one\ntwo\n"],
        ["b", "no line break"],
      ]),
    );
    await new RunLogs(client, "r1", terminal).print();
    expect(terminal.out).toBe("a | one\na | two\nb | no line break\n");
  });

  it("never break a line when jobs write at the same time", async () => {
    const terminal = new CapturedTerminal();
    const logs = new Map(
      Array.from({ length: 100 }, (_, index) => [`job-${index}`, `first of ${index}\nlast\n`]),
    );
    await new RunLogs(clientWith(logs), "r1", terminal).follow(new AbortController().signal);
    const lines = terminal.out.trimEnd().split("\n");
    expect(lines).toHaveLength(200);
    for (const [job, text] of logs) {
      expect(lines.filter((line) => line.startsWith(`${job} | `))).toEqual(
        text
          .trimEnd()
          .split("\n")
          .map((line) => `${job} | ${line}`),
      );
    }
  });

  it("end with the failure of one that can't be read", async () => {
    const client = clientWith(new Map([["a", "x"]]));
    const broken = {
      ...client,
      logs: () => {
        throw new Error("gone");
      },
    } as Client;
    const logs = new RunLogs(broken, "r1", new CapturedTerminal());
    await expect(logs.follow(new AbortController().signal)).rejects.toThrow("gone");
  });
});
