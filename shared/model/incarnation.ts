/**
 * The name of one start of an agent: `<records>.<start>`. `records` is the id of what it keeps on disk of its attempts,
 * the same over its restarts for as long as that is there.
 *
 * So of an attempt that was given to an earlier incarnation with the same records, and that the agent does not hold, it
 * is certain that it never began: the record is written before anything starts, and kept until the result is settled.
 */

/** The name of a start of an agent with these records. */
export function makeIncarnation(records: string, start: string): string {
  return `${records}.${start}`;
}

/** Whether both had the same records; false where one of them does not say. */
export function haveSameRecords(one: string, other: string): boolean {
  const records = recordsOf(one);
  return records !== undefined && records === recordsOf(other);
}

function recordsOf(incarnation: string): string | undefined {
  const at = incarnation.indexOf(".");
  return at < 1 ? undefined : incarnation.slice(0, at);
}
