/**
 * A container engine for tests: the one that runs here, or a dockerd of the test's own. `MILLRACE_CONTAINER_ENGINE`
 * names another command line than docker's, such as podman.
 *
 * The own one has its folder, socket and bridge to itself and changes no firewall rule, so several may run at a time.
 * It is started by a small shell that waits for the end of its input: when the test process dies, however it dies, the
 * daemon is stopped and its folder and bridge are removed.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "./wait-until.ts";

export interface TestDocker {
  /** What `DOCKER_HOST` is while it runs; set in this process's environment, so that children have it. */
  readonly host: string;
  /** Runs the engine's command line and gives its stdout, trimmed; throws with its stderr when it fails. */
  docker(args: readonly string[], input?: Uint8Array): string;
  stop(): Promise<void>;
}

const NONE = "no container engine answers and none can be started (needs root and dockerd)";

/**
 * The engine, or undefined with a note when there can't be one. With `MILLRACE_TEST_DOCKER=required` that is an error,
 * with `own` an own one is started even if another runs.
 */
export async function startTestDocker(): Promise<TestDocker | undefined> {
  const wish = process.env.MILLRACE_TEST_DOCKER;
  const present = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  if (wish !== "own" && answers(present)) return testDocker(present, () => Promise.resolve());
  const daemon = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"].find(isExecutable);
  if (daemon !== undefined && process.getuid?.() === 0) return await startDaemon(daemon);
  if (wish === "required" || wish === "own") throw new Error(NONE);
  process.stderr.write(`note: tests with containers are skipped: ${NONE}\n`);
  return undefined;
}

/** The daemon's guardian: `$1` folder, `$2` bridge, `$3` its address, then dockerd and its arguments. */
const guardian = `
folder=$1 bridge=$2 address=$3; shift 3
busybox ip link add name "$bridge" type bridge && busybox ip address add "$address" dev "$bridge" && busybox ip link set "$bridge" up
"$@" >"$folder/log" 2>&1 </dev/null &
daemon=$!
cat >/dev/null
kill -TERM "$daemon"
wait "$daemon"
busybox ip link delete "$bridge"
sed -n "s|^[^ ]* \\($folder/[^ ]*\\) .*|\\1|p" /proc/mounts | sort -r | while read -r mounted; do umount "$mounted"; done
rm -rf "$folder"
`;

async function startDaemon(daemon: string): Promise<TestDocker> {
  const folder = mkdtempSync(join(tmpdir(), "mr-docker-"));
  const host = `unix://${folder}/docker.sock`;
  const bridge = `mr${process.pid}`;
  const complaints = openSync(join(folder, "guardian.log"), "a");
  // One of the 16,384 networks of 64 addresses in 172.16.0.0/12, by process id, is very likely nobody else's.
  const block = process.pid % 16_384;
  const address = `172.${16 + (block >> 10)}.${(block >> 2) & 255}.${((block & 3) << 6) + 1}/26`;
  const keeper = spawn(
    "/bin/sh",
    ["-c", guardian, "sh", folder, bridge, address, daemon, ...daemonArguments(folder, host, bridge)],
    { stdio: ["pipe", "ignore", complaints], detached: true },
  );
  closeSync(complaints);
  const stop = (): Promise<void> => end(keeper);
  try {
    await waitUntil("dockerd answers", () => answers(host), {
      timeoutMs: 30_000,
      intervalMs: 50,
      diagnose: () => [readFileSync(join(folder, "guardian.log"), "utf8"), lastLines(join(folder, "log"))],
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return testDocker(host, stop);
}

function daemonArguments(folder: string, host: string, bridge: string): string[] {
  return [
    `--host=${host}`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/pid`,
    `--bridge=${bridge}`,
    `--storage-driver=${overlayWorks(folder) ? "overlay2" : "vfs"}`,
    "--iptables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--shutdown-timeout=1",
  ];
}

/** Within a container without its own volume for temporary files, overlay can't lie on overlay. */
function overlayWorks(folder: string): boolean {
  const trial = join(folder, "overlay");
  const script = `mkdir -p "$0/l" "$0/u" "$0/w" "$0/m" &&
    mount -t overlay overlay -o "lowerdir=$0/l,upperdir=$0/u,workdir=$0/w" "$0/m" && umount "$0/m"`;
  return spawnSync("/bin/sh", ["-c", script, trial], { stdio: "ignore" }).status === 0;
}

function testDocker(host: string, stopDaemon: () => Promise<void>): TestDocker {
  const before = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = host;
  return {
    host,
    docker: (args, input) => docker(host, args, input),
    async stop() {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
      await stopDaemon();
    },
  };
}

function docker(host: string, args: readonly string[], input?: Uint8Array): string {
  const call = spawnSync(commandLine(), args, {
    env: { ...process.env, DOCKER_HOST: host },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    ...(input === undefined ? {} : { input }),
  });
  if (call.status === 0) return call.stdout.trim();
  throw new Error(`${commandLine()} ${args.join(" ")}: ${call.error?.message ?? call.stderr.trim()}`);
}

function answers(host: string): boolean {
  const call = spawnSync(commandLine(), ["ps", "--quiet"], {
    env: { ...process.env, DOCKER_HOST: host },
    encoding: "utf8",
    timeout: 10_000,
  });
  return call.status === 0;
}

async function end(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  const ended = once(keeper, "exit");
  keeper.stdin?.end();
  await ended;
}

function commandLine(): string {
  return process.env.MILLRACE_CONTAINER_ENGINE ?? "docker";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not installed there.
    return false;
  }
}

function lastLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-10);
  } catch {
    return ["it wrote no log"];
  }
}
