/** Who was alive a moment ago, by the heartbeats that the server keeps for a minute. */
import type { Subjects } from "../../shared/bus/subjects.ts";
import type { RecordStream } from "./record-stream.ts";

/** Tokens of the agents of which a heartbeat is kept: whom a new leader asks first. */
export async function agentsHeardOf(
  stream: Pick<RecordStream, "lastOfEach">,
  subjects: Subjects,
): Promise<string[]> {
  const last = await stream.lastOfEach(subjects.heartbeatAll());
  return last.flatMap(({ subject }) => subject.split(".").at(-2) ?? []);
}
