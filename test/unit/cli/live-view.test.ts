import fc from "fast-check";
import pico from "picocolors";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLiveView } from "../../../coordinator/cli/progress/live-view.ts";
import { progressLines } from "../../../coordinator/cli/progress/progress-lines.ts";
import { emptyProgress, onRunEvent } from "../../../coordinator/cli/progress/run-progress.ts";
import { Screen } from "../../support/screen.ts";
import { CapturedTerminal } from "./captured-terminal.ts";
import { failed, momentOf, numbered, started, submitted, succeeded } from "./run-event-samples.ts";

type Body = Parameters<typeof numbered>[0][number];

const FRAME_MS = 100;
const colours = pico.createColors(false);

beforeEach(() => vi.useFakeTimers({ now: momentOf(1) }));
afterEach(() => vi.useRealTimers());

function openView(columns = 80) {
  const screen = new Screen(columns, 24);
  const terminal = Object.assign(new CapturedTerminal(), { columns: () => columns });
  const progress = emptyProgress("r1");
  const view = openLiveView(terminal, progress, screen);
  const said: Body[] = [];
  const show = (...bodies: readonly Body[]): void => {
    const first = said.push(...bodies) - bodies.length;
    for (const event of numbered(said).slice(first)) {
      onRunEvent(progress, event);
      view.onEvent(event);
    }
    vi.advanceTimersByTime(FRAME_MS);
  };
  const drawn = (): string[] => {
    const drawing = { nowMs: Date.now(), columns: columns - 1, rows: 24, unicode: false, colours };
    return progressLines(progress, drawing).map((line) => line.trimEnd());
  };
  return { screen, view, show, drawn };
}

describe("the live view", () => {
  it("shows just what there is, whichever jobs start and end between two frames", () => {
    const step = fc.record({ job: fc.integer({ min: 0, max: 5 }), ends: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }), (frames) => {
        const { screen, view, show, drawn } = openView(42);
        show(submitted(100));
        for (const steps of frames) {
          show(...steps.map(({ job, ends }) => (ends ? succeeded(`j${job}`) : started(`j${job}`))));
          expect(screen.lines).toEqual(drawn());
        }
        view.close();
        expect(screen.lines).toEqual([""]);
      }),
    );
  });

  it("leaves problems above it when it closes", () => {
    const { screen, view, show, drawn } = openView();
    show(submitted(3), started("a"), started("b"), failed("a", 7));
    const problem = "a failed in 1.0 s on host-1: exit status 7";
    expect(screen.lines).toEqual([problem, ...drawn()]);
    view.close();
    expect(screen.lines).toEqual([problem]);
  });

  it("does not cut off why a job failed in a narrow terminal", () => {
    const { screen, view, show } = openView(20);
    show(submitted(1), started("compile"), failed("compile", 7));
    view.close();
    expect(screen.lines.join("")).toContain("status 7");
  });
});
