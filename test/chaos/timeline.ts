/** What was done and what happened, in order, on disk as it happens. */
import { appendFileSync } from "node:fs";
import type { Fault } from "./fault.ts";

/** When a target was kept from what it does; wall-clock milliseconds, as in the journal. */
export interface Outage {
  readonly target: string;
  readonly kind: Fault["kind"];
  readonly fromMs: number;
  readonly toMs: number;
}

export class Timeline {
  readonly file: string;
  readonly outages: Outage[] = [];
  readonly #startedMs = Date.now();
  readonly #lines: string[] = [];

  constructor(file: string) {
    this.file = file;
  }

  note(what: string): void {
    const seconds = ((Date.now() - this.#startedMs) / 1000).toFixed(2).padStart(8);
    const line = `${seconds} s  ${what}`;
    this.#lines.push(line);
    appendFileSync(this.file, `${line}\n`);
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}
