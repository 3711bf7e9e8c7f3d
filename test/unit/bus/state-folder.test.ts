import { describe, expect, test } from "vitest";
import { localStateFolder } from "../../../coordinator/cli/local/state-folder.ts";

describe("the state folder", () => {
  test("is below XDG_STATE_HOME, else below the home folder, one for each namespace", () => {
    expect(localStateFolder({ XDG_STATE_HOME: "/s", HOME: "/h" }, "default")).toBe("/s/millrace/default");
    expect(localStateFolder({ HOME: "/h" }, "other")).toBe("/h/.local/state/millrace/other");
  });

  test("is not taken from a relative XDG_STATE_HOME, which the XDG rules forbid", () => {
    expect(localStateFolder({ XDG_STATE_HOME: "s", HOME: "/h" }, "n")).toBe("/h/.local/state/millrace/n");
  });

  test("is asked for when there is no home", () => {
    expect(() => localStateFolder({}, "default")).toThrow(
      expect.objectContaining({ code: "badInput", fix: expect.stringContaining("HOME") }),
    );
  });
});
