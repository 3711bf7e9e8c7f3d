import { describe, expect, test } from "vitest";
import { type Ended, exitOf } from "../../../agent/runners/container-state.ts";
import { engineWords } from "../../../agent/runners/engine-command.ts";

function ended(exitCode: number, outOfMemory = false): Ended {
  return { kind: "ended", exitCode, outOfMemory, wallMs: 10, image: "sha256:1" };
}
const measured = { cpuMs: 1, peakMemoryBytes: 2, outOfMemory: false };
const usage = { wallMs: 10, cpuMs: 1, peakMemoryBytes: 2, image: "sha256:1" };

describe("a container that ended", () => {
  test.each([0, 1, 127, 128, 200, 255])("with status %i has exited with it", (exitCode) => {
    expect(exitOf(ended(exitCode), measured)).toEqual({ kind: "exited", exitCode, usage });
  });

  test.each([
    [130, "SIGINT"],
    [134, "SIGABRT"],
    [137, "SIGKILL"],
    [139, "SIGSEGV"],
    [143, "SIGTERM"],
  ])("with status %i was ended by %s", (exitCode, signal) => {
    expect(exitOf(ended(exitCode), measured)).toEqual({ kind: "signalled", signal, usage });
  });

  test("for want of memory is out of memory whatever its status, unless it succeeded", () => {
    expect(exitOf(ended(137, true), measured)).toEqual({ kind: "outOfMemory", usage });
    expect(exitOf(ended(1, true), measured)).toEqual({ kind: "outOfMemory", usage });
    expect(exitOf(ended(1), { ...measured, outOfMemory: true })).toEqual({ kind: "outOfMemory", usage });
    expect(exitOf(ended(0, true), measured)).toEqual({ kind: "exited", exitCode: 0, usage });
  });
});

describe("an engine's words", () => {
  test("are its last lines, without the hint on usage and a pull's progress", () => {
    const complaint = `Unable to find image 'x:1' locally
0123456789ab: Pulling fs layer
docker: Error response from daemon: pull access denied for x.
See 'docker run --help'.
`;
    expect(engineWords(complaint)).toBe(
      "Unable to find image 'x:1' locally docker: Error response from daemon: pull access denied for x.",
    );
  });
});
