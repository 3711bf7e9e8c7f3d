/** Where logs go: a writer per attempt over the shipper that all attempts of the agent share. */
import type { LogShipper } from "../../shared/store/log-writer.ts";
import type { AttemptRecord } from "../workspaces/attempt-record.ts";
import type { LogSink } from "./attempt-log.ts";

/** The longest a timer can wait: the end of a log is waited for as long as the connection is open. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Opens the sink of one attempt. A successor ships again what was not noted as stored: readers tell chunks by their
 * offset, and drop what they have.
 */
export function openLogSink(
  shipper: LogShipper,
  agent: string,
  { run, name, attempt }: AttemptRecord,
  fromOffset: number,
): LogSink {
  const writer = shipper.open({ run, job: name, attempt, agent }, fromOffset);
  return {
    write: (bytes) => writer.write(bytes),
    skipTo: (offset) => writer.skipTo(offset),
    acknowledgedBytes: () => writer.acknowledgedOffset,
    end: async () => {
      await writer.flushed(LONGEST_WAIT_MS);
      writer.close();
    },
  };
}
