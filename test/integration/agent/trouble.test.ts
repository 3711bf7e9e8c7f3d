import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentOptions } from "../../../agent/agent.ts";
import { MessageCodec } from "../../../shared/actor/message-codec.ts";
import type { Bus } from "../../../shared/bus/connection.ts";
import type { JobRequest } from "../../../shared/model/messages.ts";
import { ArtifactStore } from "../../../shared/store/artifact-store.ts";
import { JetStreamObjects } from "../../../shared/store/jetstream-objects.ts";
import type { LogPiece } from "../../../shared/store/log-order.ts";
import { readLog } from "../../../shared/store/log-reader.ts";
import { firstAttemptFolder } from "../../support/attempt-folder.ts";
import type { TestServer } from "../../support/nats-server.ts";
import { silentLog } from "../../support/silent-log.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { type AgentScene, eachInItsScene, scriptRequest as script } from "./agent-scene.ts";
import type { ScriptedCoordinator } from "./scripted-coordinator.ts";

const MIB = 2 ** 20;

let server: TestServer;
let scene: AgentScene;
let bus: Bus;
let folder: string;
let coordinator: ScriptedCoordinator;

eachInItsScene("trouble", {}, (opened, its) => {
  [scene, server] = [opened, its];
  ({ bus, folder, coordinator } = scene);
});

const start = (options: Partial<AgentOptions> = {}) => scene.start({ minFree: { bytes: 0 }, ...options });
const outcomeOf = (request: JobRequest) => scene.outcomeOf(request);

describe("while the server is away", () => {
  /** Lines of eight bytes, each its own number: what is at an offset follows from it. */
  function expectRight(piece: LogPiece & { kind: "bytes" }): void {
    for (let at = 0; at < piece.bytes.length; at += 1) {
      const offset = piece.offset + at;
      const line = String(Math.floor(offset / 8)).padStart(7, "0");
      if (piece.bytes[at] !== `${line}\n`.charCodeAt(offset % 8)) throw new Error(`wrong byte at ${offset}`);
    }
  }

  test("jobs go on, results wait, and a log that grows too long has a gap that is told", {
    timeout: 90_000,
  }, async () => {
    const limitBytes = 4 * MIB;
    await start({ logBacklogBytes: limitBytes });
    const chatty = script(
      "seq -f %07.0f 0 99999; touch up; until [ -e go ]; do sleep 0.02; done; seq -f %07.0f 100000 6299999; touch over; sleep 1; seq -f %07.0f 6300000 6300999",
    );
    const quiet = script("sleep 1; echo quiet; exit 3");
    coordinator.order({ kind: "start", request: chatty }, { kind: "start", request: quiet });
    await coordinator.started(chatty.lease);
    const work = join(firstAttemptFolder(join(folder, "work"))!, "work");
    await waitUntil("the job is up", () => existsSync(join(work, "up")));
    const end = coordinator.answerOf(chatty.lease);
    end.catch(() => {
      // The test has failed elsewhere by then.
    });
    const totalBytes = 6_301_000 * 8;
    const pieces: LogPiece[] = [];
    const query = {
      run: chatty.run,
      job: chatty.spec.name,
      attempt: 1,
      follow: true,
      totalBytes: end.then(() => totalBytes),
    };
    const following = (async () => {
      for await (const piece of readLog(bus, query)) pieces.push(piece);
    })();
    await waitUntil("the follower is there", () => pieces.length > 0);
    const residentBytes = process.memoryUsage().rss;
    await server.kill();
    writeFileSync(join(work, "go"), "");
    await waitUntil("the job has written it all", () => existsSync(join(work, "over")), {
      timeoutMs: 30_000,
    });
    // Beside what waits there are 2 MiB that were handed over when the server went, and what was stored before.
    await waitUntil(
      "what is too much is released",
      () => statSync(join(folder, "work/logs/1")).blocks * 512 < limitBytes + 4 * MIB,
      {
        diagnose: () => {
          const { blocks, size } = statSync(join(folder, "work/logs/1"));
          return { heldBytes: blocks * 512, size, pieces: pieces.length };
        },
      },
    );
    expect(process.memoryUsage().rss - residentBytes).toBeLessThan(60 * MIB);
    await server.restart();
    expect(await coordinator.answerOf(quiet.lease)).toMatchObject({ result: { outcome: { exitCode: 3 } } });
    expect(await end).toMatchObject({
      result: { outcome: { kind: "succeeded" }, logBytes: totalBytes },
    });
    await following;
    let position = 0;
    for (const piece of pieces) {
      expect(piece.offset).toBe(position);
      position += piece.kind === "lost" ? piece.bytes : piece.bytes.length;
      if (piece.kind === "bytes") expectRight(piece);
    }
    expect(position).toBe(totalBytes);
    const gaps = pieces.flatMap((piece) => (piece.kind === "lost" ? [piece] : []));
    expect(gaps.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(40 * MIB);
    // What was there before, and the newest of what came meanwhile.
    expect(gaps[0]?.offset).toBeGreaterThanOrEqual(800_000);
    const last = gaps.at(-1)!;
    expect(totalBytes - last.offset - last.bytes).toBeGreaterThan(limitBytes / 4);
  });
});

test("a job that opens /dev/stderr as a file empties its log, of which nothing is repeated or left out unsaid", async () => {
  await start();
  const request = script("echo one; sleep 1; echo two >/dev/stderr; sleep 1; echo three");
  coordinator.order({ kind: "start", request });
  const answer = await coordinator.answerOf(request.lease);
  const totalBytes = answer.kind === "finished" ? answer.result.logBytes : 0;
  const query = { run: request.run, job: request.spec.name, attempt: 1, follow: true, totalBytes };
  let log = "";
  for await (const piece of readLog(bus, query)) {
    log += piece.kind === "lost" ? `[${piece.bytes}]` : Buffer.from(piece.bytes).toString();
  }
  expect(log).toBe("one\n[1]two\nthree\n");
});

test("jobs end right though somebody removes the control files while they run", async () => {
  const told: string[] = [];
  await start({ log: { ...silentLog, error: (_, message) => told.push(message) } });
  const request = script("touch up; until [ -e go ]; do sleep 0.05; done; echo done; exit 3");
  coordinator.order({ kind: "start", request });
  await coordinator.started(request.lease);
  const work = join(firstAttemptFolder(join(folder, "work"))!, "work");
  await waitUntil("the job is up", () => existsSync(join(work, "up")));
  const hash = createHash("sha256").update(join(folder, "work")).digest("hex").slice(0, 16);
  rmSync(join(`/dev/shm/millrace-${process.getuid?.()}`, hash), { recursive: true });
  await waitUntil("the agent says so", () => told.length > 0);
  expect(told[0]).toContain("removed the control files");
  writeFileSync(join(work, "go"), "");
  expect(await coordinator.answerOf(request.lease)).toMatchObject({ result: { outcome: { exitCode: 3 } } });
  expect(await outcomeOf(script("true"))).toEqual({ kind: "succeeded" });
});

describe("orders that are no good", () => {
  test("are refused, counted and published as dead letters, and the good ones beside them are followed", async () => {
    await start();
    const reasons: string[] = [];
    const codec = new MessageCodec();
    bus.connection.subscribe(bus.subjects.deadLetters(), {
      callback: (_, message) => reasons.push(message.json<{ reason: string }>().reason),
    });
    await bus.connection.flush();
    const subject = bus.subjects.toAgent("a1");
    bus.connection.publish(subject, Buffer.from([0xc1]));
    bus.connection.publish(subject, codec.encode({ v: 1, epoch: "no number" }));
    bus.connection.publish(subject, Buffer.alloc(900_000, 0x90));
    coordinator.send({ v: 2 as never, number: 5 });
    coordinator.send({ incarnation: "somebody else", number: 5 });
    coordinator.epoch = 2;
    const [good, bad] = [script("true"), script("true")];
    const unreadable = { kind: "start", request: { ...bad, spec: { name: "?" } } } as never;
    const unknown = { kind: "dance", vigorously: true } as never;
    coordinator.send({ number: 1, orders: [unknown, unreadable, { kind: "start", request: good }] });
    coordinator.lastNumber = 1;
    expect(await coordinator.answerOf(good.lease)).toMatchObject({
      result: { outcome: { kind: "succeeded" } },
    });
    expect(await coordinator.answerOf(bad.lease)).toMatchObject({
      kind: "returned",
      reason: expect.stringContaining("can't read"),
    });
    coordinator.send({ epoch: 1, number: 9 });
    const refused = { malformed: 3, version: 1, otherIncarnation: 1, order: 2, oldEpoch: 1 };
    await waitUntil("a heartbeat counts them", () => {
      const counted = Object.fromEntries(coordinator.heartbeats.at(-1)?.refused ?? []);
      return Object.entries(refused).every(([reason, times]) => counted[reason] === times);
    });
    await waitUntil("all are dead letters", () => reasons.length === 8, { diagnose: () => reasons });
    expect(new Set(reasons)).toEqual(new Set(Object.keys(refused).map((reason) => `orders.${reason}`)));
  });
});

/** A file system of its own, so small that it can be filled; undefined where that is not permitted. */
function smallDisk(path: string, sizeMiB: number): { unmount: () => void } | undefined {
  mkdirSync(path);
  const mounted =
    spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m,nr_inodes=100`, "none", path]).status === 0;
  return mounted ? { unmount: () => spawnSync("umount", [path]) } : undefined;
}

const probe = mkdtempSync(join(tmpdir(), "millrace-mount-"));
const canMount = smallDisk(join(probe, "disk"), 1);
canMount?.unmount();
rmSync(probe, { recursive: true });
if (canMount === undefined)
  process.stderr.write("note: tests with a full disk are skipped: mount is refused\n");

describe.skipIf(canMount === undefined)("on a small disk", () => {
  let disk: ReturnType<typeof smallDisk>;
  let ballast: string;

  beforeEach(() => {
    disk = smallDisk(join(folder, "disk"), 8);
    ballast = join(folder, "disk/ballast");
  });

  afterEach(async () => {
    await scene.stopAgents();
    disk?.unmount();
  });

  /** Leaves about so much free. */
  function fill(keepBytes: number): void {
    spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k", "count=1000"]);
    truncateSync(ballast, statSync(ballast).size - keepBytes);
  }

  const workFolder = () => join(folder, "disk/work");

  test("an agent takes no jobs below its watermark, says why, and goes on when there is room", async () => {
    await start({ workFolder: workFolder(), minFree: { bytes: 2 * MIB } });
    fill(MIB);
    const trouble = await waitUntil(
      "a heartbeat tells of the trouble",
      () => coordinator.heartbeats.at(-1)?.trouble,
    );
    expect(trouble).toMatch(/nearly full: 1 MiB free, 2 MiB needed/);
    expect(coordinator.heartbeats.at(-1)?.mode).toBe("held");
    expect(await outcomeOf(script("true"))).toMatchObject({ kind: "returned", reason: trouble });
    rmSync(ballast);
    await waitUntil("the trouble is over", () => {
      const last = coordinator.heartbeats.at(-1);
      return last?.mode === "active" && last.trouble === undefined;
    });
    expect(await outcomeOf(script("true"))).toEqual({ kind: "succeeded" });
  });

  test("a job that fails for want of room is lost, not failed, and the agent goes on", async () => {
    await start({ workFolder: workFolder() });
    const filling = script("head -c 20000000 /dev/zero >big");
    expect(await outcomeOf(filling)).toEqual({
      kind: "lost",
      message: expect.stringMatching(/disk of its agent was full when it ended with: exit status/),
    });
    await waitUntil("what it made is gone", () => statfsSync(workFolder()).bavail > 100);
    expect(await outcomeOf(script("echo fine >f"))).toEqual({ kind: "succeeded" });
  });

  test("inputs that don't fit lose the attempt, leave nothing half-written, and are tried with an empty cache", async () => {
    const store = new ArtifactStore(
      new JetStreamObjects(bus.connection, { bucket: bus.subjects.objectBucket() }),
    );
    const artifactOf = async (name: string, bytes: number) => {
      const made = join(folder, name);
      mkdirSync(made);
      writeFileSync(join(made, "file"), Buffer.alloc(bytes, name));
      const artifact = await store.upload(made, ["file"]);
      if (artifact === null) throw new Error("nothing was uploaded");
      return artifact.digest;
    };
    const needing = (digest: string) => {
      const request = script('test -s "$MILLRACE_INPUTS/build/file"');
      request.inputs = [{ job: "build", digest }];
      return request;
    };
    await start({ workFolder: workFolder() });
    const [first, second, tooLarge] = [
      await artifactOf("first", 3 * MIB),
      await artifactOf("second", 3.5 * MIB),
      await artifactOf("tooLarge", 9 * MIB),
    ];
    expect(await outcomeOf(needing(first))).toEqual({ kind: "succeeded" });
    // Only without the first one in the cache are there twice as many bytes as the second one has.
    expect(await outcomeOf(needing(second))).toEqual({ kind: "succeeded" });
    expect(await outcomeOf(needing(tooLarge))).toEqual({
      kind: "lost",
      message: expect.stringMatching(/the artifact of build: .*ENOSPC/),
    });
    await waitUntil("nothing of it is left", () => {
      const left = readdirSync(workFolder(), { recursive: true, encoding: "utf8" });
      return !left.some(
        (name) => name.includes("partial") || name.includes(tooLarge) || name.endsWith("inputs"),
      );
    });
  });

  test("an attempt for which no folder can be made is lost", async () => {
    await start({ workFolder: workFolder() });
    mkdirSync(join(workFolder(), "control"), { recursive: true });
    fill(0);
    // Every inode there is, too: an empty folder takes no space on a RAM file system.
    for (let at = 0, made = true; made; at += 1) {
      try {
        writeFileSync(join(folder, "disk", `inode-${at}`), "");
      } catch {
        made = false;
      }
    }
    const outcome = await outcomeOf(script("true"));
    expect(outcome).toEqual({ kind: "lost", message: expect.stringMatching(/no place for it: ENOSPC/) });
    for (const name of readdirSync(join(folder, "disk")))
      if (name !== "work") rmSync(join(folder, "disk", name));
    expect(await outcomeOf(script("true"))).toEqual({ kind: "succeeded" });
  });
});
