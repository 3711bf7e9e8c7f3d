/**
 * The layout `package` without a container: a mount namespace of the job's own, whose `/` is the job's folder. All that
 * is at the top of the host's file system is bound into it, but for what the job has there itself.
 *
 * The namespace is the job's processes' alone, and goes with the last of them, however that ends: nothing is ever
 * mounted for the host. What is left in the folder are empty mount points. The shell that makes it becomes the job, so
 * process, group and exit status are as of any other.
 *
 * An agent that is not root takes a user namespace as well, in which it is root, where the kernel grants one.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { packageNames } from "./package-paths.ts";

/** Whether it can be given here, and if not why. */
export type HostLayout =
  | { readonly kind: "possible" }
  | { readonly kind: "refused"; readonly reason: string };

const TRIAL_LIMIT_MS = 10_000;
/** Whatever the job's own search path is. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const OLD_ROOT = ".host-root";

/** `$1` the folder, `$2` what to mount, `$3` where words of a failure go, then the command. */
const enter = `own=$PATH PATH=${SYSTEM_PATH}
{ mount --bind "$1" "$1" && cd "$1" && mount --all --fstab "$2" && pivot_root . ${OLD_ROOT} && cd / && umount --lazy /${OLD_ROOT} && rmdir /${OLD_ROOT}; } >"$3" 2>&1 || exit 125
: >"$3"
PATH=$own; shift 3; exec "$@"`;

/** The words in front of a command that is to find a folder as its `/`; makes what they need. */
export function enterRoot(folder: string, control: string): string[] {
  mkdirSync(join(folder, OLD_ROOT));
  writeFileSync(mountsPath(control), mountPoints(folder).join(""));
  writeFileSync(wordsPath(control), "it was refused a namespace; its log has the words");
  const namespaces = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
  return [
    "/usr/bin/unshare",
    ...namespaces,
    "--propagation=private",
    "--",
    "/bin/sh",
    "-c",
    enter,
    "sh",
    folder,
    mountsPath(control),
    wordsPath(control),
  ];
}

/** Why a job's layout could not be made, so that nothing of it ran; undefined where it was made. */
export function layoutFailure(control: string): string | undefined {
  try {
    const words = readFileSync(wordsPath(control), "utf8").trim();
    return words === "" ? undefined : `the paths of its package could not be made: ${words}`;
  } catch {
    // It was never begun.
    return undefined;
  }
}

/** Tries it once, with a job that does nothing, in a folder that it makes anew and removes. */
export async function tryHostLayout(trial: string): Promise<HostLayout> {
  try {
    // An agent that was killed in the middle has left it.
    rmSync(trial, { recursive: true, force: true });
    const folder = join(trial, "root");
    mkdirSync(folder, { recursive: true });
    const [program = "", ...words] = enterRoot(folder, trial);
    const run = await execa(program, [...words, "/bin/sh", "-c", "mkdir /outputs"], {
      reject: false,
      stdin: "ignore",
      timeout: TRIAL_LIMIT_MS,
      maxBuffer: 4096,
    });
    if (!run.failed) return { kind: "possible" };
    const reason = run.stderr.trim() || layoutFailure(trial) || run.originalMessage;
    return { kind: "refused", reason: reason ?? "it failed" };
  } catch (error) {
    return { kind: "refused", reason: String(error) };
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** Makes a mount point for each entry of the host's root that is not the job's own; links are made again. */
function mountPoints(folder: string): string[] {
  const own = new Set<string>([...Object.values(packageNames), OLD_ROOT]);
  const mounts: string[] = [];
  for (const entry of readdirSync("/", { withFileTypes: true })) {
    if (own.has(entry.name)) continue;
    const [from, to] = [`/${entry.name}`, join(folder, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    else if (entry.isDirectory()) {
      mkdirSync(to);
      mounts.push(`${escaped(from)} ${escaped(to)} none rbind 0 0\n`);
    } else if (entry.isFile()) {
      writeFileSync(to, "");
      mounts.push(`${escaped(from)} ${escaped(to)} none bind 0 0\n`);
    }
  }
  chmodSync(folder, 0o755);
  return mounts;
}

/** A path as a field of a table of mounts. */
function escaped(path: string): string {
  return path.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function mountsPath(control: string): string {
  return join(control, "mounts");
}

function wordsPath(control: string): string {
  return join(control, "layout-words");
}
