/** The records in an entry of the journal. */
import type { Codec } from "../../shared/actor/contract.ts";
import { MillraceError } from "../../shared/model/error.ts";
import { type RunRecord, runRecordSchema, runRecordsSchema } from "../core/record.ts";
import type { Entry } from "./journal.ts";

const knownTypes = new Set<unknown>(runRecordSchema.options.map(({ shape }) => shape.type.value));

/** The records of one entry, validated: `unsupported` where a newer version has written, `corrupt` where nobody did. */
export function decodeRecords(entry: Entry, codec: Codec): RunRecord[] {
  const { run, seq } = entry;
  const value = codec.decode(entry.payload);
  const parsed = runRecordsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const unknown = unknownType(value);
  if (unknown !== undefined) {
    throw new MillraceError(
      "unsupported",
      `run ${run} can't be read: entry ${seq} of its journal has a record of type ${JSON.stringify(unknown)}`,
      {
        fix: "A newer version has written it: start a coordinator of that version, which goes on with the run.",
      },
    );
  }
  throw corruptJournal(run, `entry ${seq} holds no valid records: ${parsed.error.issues[0]?.message ?? ""}`);
}

export function corruptJournal(run: string, what: string): MillraceError {
  return new MillraceError("corrupt", `the journal of run ${run} can't be read: ${what}`, {
    fix: "Start a coordinator of the version that has written it, or restore the journal's stream from a backup.",
  });
}

function unknownType(records: unknown): string | undefined {
  if (!Array.isArray(records)) return undefined;
  const types: unknown[] = records.map((record: unknown) =>
    typeof record === "object" && record !== null && "type" in record ? record.type : undefined,
  );
  return types.filter((type) => typeof type === "string").find((type) => !knownTypes.has(type));
}
