import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Bus, connectBus } from "../../../shared/bus/connection.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type ClusterUser, CompiledCluster, clusterProcesses } from "./cluster-users.ts";

/** Waits for the server, as a coordinator does. */
const served = 'while [ ! -e "$MILLRACE_SERVER_FILE" ]; do sleep 0.01; done';

/** Stands in for a coordinator: notes what it was told of the server, and waits. */
const standIn = ["/bin/sh", "-c", `${served}; cat "$MILLRACE_SERVER_FILE" >>urls; exec sleep 1000`];

describe("the local cluster", () => {
  let compiled: CompiledCluster;
  let stateDir: string;
  const users: ClusterUser[] = [];

  beforeAll(() => {
    compiled = new CompiledCluster();
  });
  afterAll(() => compiled.remove());
  beforeEach(async () => {
    stateDir = join(await mkdtemp(join(tmpdir(), "millrace-local-")), "state");
  });
  afterEach(async () => {
    await Promise.all(users.splice(0).map((user) => user.kill()));
    try {
      await ended();
    } finally {
      for (const { pid } of clusterProcesses(stateDir)) process.kill(pid, "SIGKILL");
      await rm(join(stateDir, ".."), { recursive: true });
    }
  });

  function use(coordinator: readonly string[] = standIn, environment: NodeJS.ProcessEnv = {}): ClusterUser {
    const user = compiled.start(stateDir, coordinator, environment);
    users.push(user);
    return user;
  }

  async function urlOf(user: ClusterUser): Promise<string> {
    const answer = await user.answer;
    expect(answer).toHaveProperty("url");
    return answer.url as string;
  }

  const connected = (server: string): Promise<Bus> =>
    connectBus({ server, name: "test", namespace: "default" });
  const running = (command: RegExp) =>
    clusterProcesses(stateDir).filter((process) => command.test(process.command));
  const ended = (timeoutMs = 5_000) =>
    waitUntil("the cluster has ended", () => clusterProcesses(stateDir).length === 0, {
      timeoutMs,
      diagnose: () => clusterProcesses(stateDir),
    });
  const coordinatorStarts = async (count: number): Promise<string[]> =>
    waitUntil(`the coordinator has started ${count} times`, async () => {
      const text = await readFile(join(stateDir, "urls"), "utf8").catch(() => "");
      const urls = text.split("\n").slice(0, -1);
      return urls.length >= count ? urls : undefined;
    });

  test("gives a server with JetStream, and its URL to the coordinator, until it is released", async () => {
    const user = use();
    const url = await urlOf(user);
    const bus = await connected(url);
    await bus.manager.streams.add({ name: "kept", subjects: ["kept"] });
    await bus.close();
    expect(await coordinatorStarts(1)).toEqual([JSON.stringify({ url })]);
    await user.release();
    expect(clusterProcesses(stateDir)).toEqual([]);

    const next = await connected(await urlOf(use()));
    expect((await next.manager.streams.info("kept")).config.name).toBe("kept");
    await next.close();
  });

  test("shows its password to nobody else", async () => {
    const url = await urlOf(use());
    await coordinatorStarts(1);
    const modeOf = async (name: string): Promise<string> =>
      ((await stat(join(stateDir, name))).mode & 0o777).toString(8);
    expect(await modeOf(".")).toBe("700");
    for (const name of [
      "server.json",
      "nats-server.conf",
      "fifo",
      "guard.log",
      "coordinator.log",
      "nats-server.log",
    ]) {
      expect([name, await modeOf(name)]).toEqual([name, "600"]);
    }
    const { password } = new URL(url);
    expect(password.length).toBeGreaterThan(20);
    expect(clusterProcesses(stateDir).filter(({ command }) => command.includes(password))).toEqual([]);
    await expect(connected(url.replace(password, "guess"))).rejects.toMatchObject({ code: "refused" });
  });

  test("is one for commands that start at the same time, and ends with the last", async () => {
    const [one, two, three] = [use(), use(), use()];
    const urls = await Promise.all([one, two, three].map(urlOf));
    expect(new Set(urls).size).toBe(1);
    await coordinatorStarts(1);
    expect(running(/nats-server -c/)).toHaveLength(1);
    expect(running(/^sleep 1000/)).toHaveLength(1);

    await Promise.all([one.release(), two.release()]);
    const bus = await connected(urls[0] as string);
    await bus.close();
    await three.release();
    expect(clusterProcesses(stateDir)).toEqual([]);
  });

  test("ends within 5 s when its users are killed with -9", async () => {
    const pair = [use(), use()];
    const [url] = await Promise.all(pair.map(urlOf));
    await coordinatorStarts(1);
    await (pair[0] as ClusterUser).kill();
    await (await connected(url as string)).close();
    await (pair[1] as ClusterUser).kill();
    await ended(5_000);
  });

  test("ends within 5 s when its only user is killed while it starts", async () => {
    const user = use();
    await waitUntil("the guard runs", () => running(/guard\.sh/).length > 0, { intervalMs: 1 });
    await user.kill();
    await ended(5_000);
    await urlOf(use());
  });

  test("ends within 5 s though the coordinator ignores TERM", async () => {
    const user = use(["/bin/sh", "-c", "trap '' TERM; echo on >urls; while :; do sleep 0.1; done"]);
    await urlOf(user);
    await coordinatorStarts(1);
    await user.kill();
    await ended(5_000);
  });

  test("lets a coordinator that ends in order do so before the server goes", async () => {
    const dead = "trap 'echo end >>urls; exit' TERM; echo on >>urls; while :; do sleep 0.01; done";
    const user = use(["/bin/sh", "-c", dead]);
    await urlOf(user);
    await coordinatorStarts(1);
    await user.release();
    expect(await coordinatorStarts(2)).toEqual(["on", "end"]);
  });

  test("is not reached by a terminal's Ctrl-C", async () => {
    const [interrupted, other] = [use(), use()];
    const url = await urlOf(interrupted);
    await urlOf(other);
    process.kill(-interrupted.pid, "SIGINT");
    await waitUntil("the command has ended", () => interrupted.child.signalCode === "SIGINT");
    const bus = await connected(url);
    await bus.connection.flush();
    await bus.close();
  });

  test("does not hold the output of the command that started it", async () => {
    const starter = use();
    const other = use();
    await urlOf(starter);
    await urlOf(other);
    await starter.release(); // resolves only when its stdout is closed by all who had it
    expect(running(/guard\.sh/).length).toBeGreaterThan(0);
  });

  test("starts a coordinator again that died, with the same server", async () => {
    const url = await urlOf(use());
    await coordinatorStarts(1);
    process.kill(running(/^sleep 1000/)[0]?.pid as number, "SIGKILL");
    const told = JSON.stringify({ url });
    expect(await coordinatorStarts(2)).toEqual([told, told]);
  });

  test("starts a server again that died, at the same port and with its data", async () => {
    const bus = await connected(await urlOf(use()));
    await bus.manager.streams.add({ name: "kept", subjects: ["kept"] });
    const statuses: string[] = [];
    bus.onStatus(({ kind }) => statuses.push(kind));
    process.kill(running(/nats-server -c/)[0]?.pid as number, "SIGKILL");
    await waitUntil("the connection is back", () => statuses.includes("connected"), {
      diagnose: () => statuses,
    });
    expect((await bus.manager.streams.info("kept")).config.name).toBe("kept");
    await bus.close();
  });

  test("ends what a killed guard left before it starts anew", async () => {
    const orphaned = use();
    const oldUrl = await urlOf(orphaned);
    await coordinatorStarts(1);
    const before = clusterProcesses(stateDir);
    const guardPid = Number(await readFile(join(stateDir, "guard.pid"), "utf8"));
    process.kill(guardPid, "SIGKILL");
    await orphaned.kill();
    expect(running(/nats-server -c/)).toHaveLength(1);

    const url = await urlOf(use());
    expect(url).not.toBe(oldUrl);
    const after = clusterProcesses(stateDir).map(({ pid }) => pid);
    expect(before.filter(({ pid }) => after.includes(pid))).toEqual([]);
  });

  test("takes no notice of files and locks that are left of a dead cluster", async () => {
    await mkdir(join(stateDir, "users"), { recursive: true });
    await writeFile(join(stateDir, "server.json"), '{"url":"nats://127.0.0.1:1"}');
    await writeFile(join(stateDir, "start.lock"), "999999999-1-dead token\n");
    await writeFile(join(stateDir, "guard.pid"), "999999999\n");
    await writeFile(join(stateDir, "users", "999999999-1-dead.x"), "");
    await writeFile(join(stateDir, "fifo"), "not a FIFO");
    await chmod(stateDir, 0o755);
    const user = use();
    await (await connected(await urlOf(user))).close();
    expect((await stat(stateDir)).mode & 0o777).toBe(0o700);
    await user.release();
    expect(clusterProcesses(stateDir)).toEqual([]);
  });

  test("says why the server does not start, and leaves nothing running", async () => {
    const broken = join(stateDir, "..", "broken-server");
    await writeFile(
      broken,
      '#!/bin/sh\n[ "$1" = --version ] && echo "nats-server: v2.10.0" && exit\necho no luck; exit 3\n',
    );
    await chmod(broken, 0o755);
    const { error } = await use(standIn, { MILLRACE_NATS_SERVER: broken }).answer;
    expect(error).toMatchObject({ code: "unavailable", fix: expect.stringContaining("nats-server.log") });
    expect(error?.message).toMatch(/ended with status 3.*no luck/s);
    await ended();
  });

  test("is whole through many commands that come and go", async () => {
    const lives = Array.from({ length: 12 }, async (_, index) => {
      const user = use();
      const url = await urlOf(user);
      const bus = await connected(url);
      await bus.connection.flush();
      await bus.close();
      await (index % 3 === 0 ? user.kill() : user.release());
    });
    await Promise.all(lives);
    await ended(5_000);
  });
});
