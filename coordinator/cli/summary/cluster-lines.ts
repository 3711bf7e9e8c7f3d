/** What is going on in a cluster, as lines: who leads, what waits, what storage holds, and what is wrong since when. */
import type { ClusterStatus } from "../../../shared/client/index.ts";
import { formatBytes } from "../../../shared/model/size.ts";
import { printable } from "../format/display-width.ts";
import { formatAge } from "../format/duration.ts";

/** Streams by their names' ends, as people call them. */
const kinds = ["journal", "events", "logs", "objects", "heartbeats"];

export function clusterLines(status: ClusterStatus, nowMs: number): string[] {
  const { namespace, version, node, epoch, runs, queued, agents } = status;
  const waiting = queued === null ? "" : `, jobs queued ${queued}`;
  return [
    `namespace ${namespace}, coordinator ${version}${node === "" ? "" : ` (${node})`}, epoch ${epoch}`,
    ...status.standbys.map(({ node: standby, lagEntries }) => {
      const lag = lagEntries === null ? "" : `, ${lagEntries} entries behind`;
      return `standby ${standby}${lag}`;
    }),
    `runs living ${runs}${waiting}, agents ${agents}`,
    ...storageLines(status.storage, nowMs),
    ...status.troubles.flatMap(({ message, fix, since }) => [
      `! since ${formatAge(since, nowMs)}: ${printable(message)}`,
      ...(fix === null ? [] : [`  ${printable(fix)}`]),
    ]),
    ...counterLines(status.counters),
  ];
}

function storageLines(storage: ClusterStatus["storage"], nowMs: number): string[] {
  if (storage === null) return [];
  const streams = storage.streams.map(({ stream, bytes, maxBytes }) => {
    const kind = kinds.find((name) => stream.endsWith(`-${name}`)) ?? stream;
    return `${kind} ${fill(bytes, maxBytes)}`;
  });
  const accounts = storage.accounts.flatMap(({ bytes, maxBytes }) =>
    maxBytes === null ? [] : [`account ${fill(bytes, maxBytes)}`],
  );
  const level =
    storage.level === "roomy" ? "" : ` is ${storage.level} since ${formatAge(storage.since, nowMs)}`;
  return [`storage${level}: ${[...streams, ...accounts].join(", ")}`];
}

function fill(bytes: number, maxBytes: number | null): string {
  return maxBytes === null ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(maxBytes)}`;
}

/** What was refused or put right since the leader began; nothing when nothing was. */
function counterLines(counters: ClusterStatus["counters"]): string[] {
  const counted = counters.filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`);
  return counted.length === 0 ? [] : [`counted: ${counted.join(", ")}`];
}
