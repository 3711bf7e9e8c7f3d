/** Where logs go: a writer per attempt over the shipper that all attempts of the agent share. */
import type { LogShipper, LogWriter } from "../../shared/store/log-writer.ts";
import type { AttemptRecord } from "../workspaces/attempt-record.ts";
import type { LogSink } from "./attempt-log.ts";

/** The longest a timer can wait: the end of a log is waited for as long as the connection is open. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Opens the sink of one attempt; it takes its first bytes when there is a shipper. A successor ships again what was not
 * noted as stored: readers tell chunks by their offset, and drop what they have.
 */
export function openLogSink(
  shipper: Promise<LogShipper>,
  agent: string,
  { run, name, attempt }: AttemptRecord,
  fromOffset: number,
): LogSink {
  let opened: LogWriter | undefined;
  const writer = async () => {
    opened ??= (await shipper).open({ run, job: name, attempt, agent }, fromOffset);
    return opened;
  };
  return {
    write: async (bytes) => await (opened ?? (await writer())).write(bytes),
    skipTo: async (offset) => await (opened ?? (await writer())).skipTo(offset),
    acknowledgedBytes: () => opened?.acknowledgedOffset ?? fromOffset,
    end: async () => {
      const ending = opened ?? (await writer());
      await ending.flushed(LONGEST_WAIT_MS);
      ending.close();
    },
  };
}
