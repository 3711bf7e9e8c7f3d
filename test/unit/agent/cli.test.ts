import { expect, test } from "vitest";
import { unitText } from "../../../agent/cli/install.ts";
import { readOptions } from "../../../agent/cli/options.ts";
import { runInstall } from "../../../agent/cli/run-install.ts";
import { MillraceError } from "../../../shared/model/error.ts";

const environment = { MILLRACE_SERVER: "nats://here:4222", XDG_STATE_HOME: "/state" };

test("takes the server from the environment, and has defaults for everything else", () => {
  expect(readOptions({ name: "a/b" }, environment)).toMatchObject({
    server: "nats://here:4222",
    namespace: "default",
    workFolder: "/state/millrace/agents/a%2Fb",
    stop: "drain",
    heartbeat: 2_000,
    label: [],
    keepFailed: false,
  });
});

test("reads labels, sizes and durations", () => {
  const raw = {
    label: ["arch=x86_64", "note=a=b"],
    memory: "8GiB",
    heartbeat: "500ms",
    slots: "3",
    cpu: "1.5",
  };
  expect(readOptions(raw, environment)).toMatchObject({
    label: [
      ["arch", "x86_64"],
      ["note", "a=b"],
    ],
    capacity: { slots: 3, cpu: 1.5, memoryBytes: 8 * 2 ** 30 },
    heartbeat: 500,
  });
});

test("reads what must stay free on disk as a size or a part", () => {
  expect(readOptions({ minFree: "2GiB" }, environment).minFree).toEqual({ bytes: 2 * 2 ** 30 });
  expect(readOptions({ minFree: "2.5%", logBacklog: "64MiB" }, environment)).toMatchObject({
    minFree: { share: 0.025 },
    logBacklog: 64 * 2 ** 20,
  });
  expect(() => readOptions({ minFree: "some" }, environment)).toThrow(/--min-free must be a size/);
});

test("names every mistake at once", () => {
  const mistake = (): unknown =>
    readOptions({ slots: "two", memory: "8", namespace: "No", label: ["x"] }, environment);
  expect(mistake).toThrow(MillraceError);
  expect(mistake).toThrow(/--slots .*--label .*--namespace .*--memory /s);
});

test("says what to do without a server", () => {
  expect(() => readOptions({}, {})).toThrow(
    expect.objectContaining({ fix: expect.stringContaining("MILLRACE_SERVER") }),
  );
});

test("a unit signals the agent alone, restarts it, and does not have the server in its arguments", () => {
  const unit = unitText(
    { unit: "/etc/systemd/system/x", environment: "/etc/millrace/agent.env" },
    "/opt/agent.js",
    ["--label", 'odd=a b"$%'],
  );
  expect(unit).toContain("KillMode=process");
  expect(unit).toContain("Restart=always");
  expect(unit).toContain("EnvironmentFile=/etc/millrace/agent.env");
  expect(unit).toContain('--label "odd=a b\\"$$%%"');
});

test.each([
  [["--slotz", "3"], "unknown option '--slotz'"],
  [["--slots", "three"], "--slots must be a whole number"],
  [["extra"], "too many arguments"],
])("installs no service with %j, which no agent would start with", async (given, reason) => {
  await expect(
    runInstall([...given, "--server", "nats://here:4222"], { program: "/opt/agent.js", printOnly: true }),
  ).rejects.toThrow(reason);
});
