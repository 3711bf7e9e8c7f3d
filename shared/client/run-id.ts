import { randomInt } from "node:crypto";

const CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const RANDOM_CHARACTERS = 6;

/** A run id by its time, in UTC, and chance: `20260801-141502-k3f9q2`. Ids sort by time. */
export function newRunId(
  now: Date = new Date(),
  pick: (below: number) => number = (below) => randomInt(below),
): string {
  const [day = "", time = ""] = now.toISOString().split("T");
  const chance = Array.from({ length: RANDOM_CHARACTERS }, () => CHARACTERS[pick(CHARACTERS.length)]).join(
    "",
  );
  return `${day.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${chance}`;
}
