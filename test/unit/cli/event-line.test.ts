import { describe, expect, it } from "vitest";
import { importance } from "../../../coordinator/cli/progress/event-line.ts";
import { routineReturn } from "../../../shared/model/return-reason.ts";
import { numbered } from "./run-event-samples.ts";

function returned(reason: string): ReturnType<typeof importance> {
  const [event] = numbered([{ type: "job.returned", job: "a", attempt: 1, agent: "host-1", reason }]);
  if (event === undefined) throw new Error("one body makes one event");
  return importance(event);
}

describe("the line of an event", () => {
  it.each(Object.values(routineReturn))("is a detail when a job is given back because %s", (reason) => {
    expect(returned(reason)).toBe("detail");
  });

  it("is a problem when an agent refuses a job", () => {
    expect(returned("it needs 64 CPUs of 2")).toBe("problem");
  });
});
