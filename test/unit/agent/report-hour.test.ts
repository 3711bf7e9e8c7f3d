import { expect, test } from "vitest";
import { type ReportDue, ReportHour } from "../../../agent/actors/report-hour.ts";

/** An agent with a clock of its own, that sends a report whenever it is told to. */
class Reporter {
  readonly hour = new ReportHour();
  readonly sentAtMs: number[] = [];
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number }>();
  #told: ReportDue[] = [];

  readonly context = {
    self: { node: "n1", path: "/agent", tell: (message: ReportDue) => void this.#told.push(message) },
    monotonicMs: () => this.#nowMs,
    after: (delayMs: number) => {
      const timer = { atMs: this.#nowMs + delayMs };
      this.#timers.add(timer);
      return () => void this.#timers.delete(timer);
    },
  };

  /** Lets time pass, millisecond by millisecond. */
  goTo(atMs: number): void {
    for (; this.#nowMs < atMs; this.#nowMs += 1) this.#work();
    this.#work();
  }

  get timers(): number {
    return this.#timers.size;
  }

  #work(): void {
    const rung = [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs);
    for (const timer of rung) this.#timers.delete(timer);
    if (rung.length + this.#told.splice(0).length === 0) return;
    this.hour.onSent();
    this.sentAtMs.push(this.#nowMs);
  }
}

test("an answer that leads to more work is sent at once", () => {
  const reporter = new Reporter();
  reporter.hour.onAnswers(false, reporter.context);
  reporter.hour.onAnswers(false, reporter.context);
  reporter.goTo(100);
  expect(reporter.sentAtMs).toEqual([0]);
});

test("answers that may wait are gathered for 25 ms from the first one, and what has started for 20", () => {
  const answers = new Reporter();
  const started = new Reporter();
  for (const atMs of [0, 10, 24]) {
    answers.goTo(atMs);
    answers.hour.onAnswers(true, answers.context);
    started.goTo(atMs);
    if (atMs < 20) started.hour.onStarted(started.context);
  }
  for (const reporter of [answers, started]) reporter.goTo(100);
  expect([answers.sentAtMs, started.sentAtMs]).toEqual([[25], [20]]);
});

test("what is urgent takes along what could have waited, and leaves no timer", () => {
  const reporter = new Reporter();
  reporter.hour.onStarted(reporter.context);
  reporter.goTo(5);
  reporter.hour.onAnswers(true, reporter.context);
  reporter.goTo(8);
  reporter.hour.onAnswers(false, reporter.context);
  reporter.goTo(8);
  expect([reporter.sentAtMs, reporter.timers]).toEqual([[8], 0]);
  reporter.goTo(100);
  expect(reporter.sentAtMs).toEqual([8]);
});

test("a report is not sent early because of a timer that was set for the one before", () => {
  const reporter = new Reporter();
  reporter.hour.onAnswers(true, reporter.context);
  reporter.goTo(20);
  reporter.hour.onAnswers(false, reporter.context);
  reporter.goTo(21);
  reporter.hour.onAnswers(true, reporter.context);
  reporter.goTo(100);
  expect(reporter.sentAtMs).toEqual([20, 46]);
});
