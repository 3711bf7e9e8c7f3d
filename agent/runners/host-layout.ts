/**
 * The layout `package` without a container: a mount namespace of the job's own, whose `/` is the job's folder. All that
 * is at the top of the host's file system is bound into it, but for what the job has there itself.
 *
 * The namespace is the job's processes' alone, and goes with the last of them, however that ends: nothing is ever
 * mounted for the host. What is left in the folder are empty mount points. The shell that makes it becomes the job, so
 * process, group and exit status are as of any other.
 *
 * An agent that is not root takes a user namespace as well, in which it is root, where the kernel grants one. The job gets
 * another one below, in which it is who the agent is: a root who can't give files away is one that no script reckons with.
 * An archive with its packer's user ids, for one, can't be unpacked as such a root.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { execa } from "execa";
import { packageNames } from "./package-paths.ts";
import type { PackageLayers, PackageRoot } from "./runner.ts";

/** Whether it can be given here, and if not why. */
export type HostLayout =
  /** `layers`: jobs can share what they see below their own folder; otherwise each has copies in it. */
  | { readonly kind: "possible"; readonly layers: boolean }
  | { readonly kind: "refused"; readonly reason: string };

/** Who an agent is on its host. */
export interface HostUser {
  readonly uid: number;
  readonly gid: number;
}

const TRIAL_LIMIT_MS = 10_000;
const UNSHARE = "/usr/bin/unshare";
/** Whatever the job's own search path is. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * `$1` the folder, `$2` what to mount, from `$3`, `$4` where words of a failure go, then the command. The names of many
 * layers are too long for the newer of the two ways in which mount(8) talks to the kernel.
 */
const enter = `own=$PATH PATH=${SYSTEM_PATH}
{ cd "$3" && LIBMOUNT_FORCE_MOUNT2=always mount --all --fstab "$2" && cd "$1" && pivot_root . . && umount --lazy . && cd /; } >"$4" 2>&1 || exit 125
: >"$4"
PATH=$own; shift 4; exec "$@"`;

/** The words in front of a command that is to find a package's root as its `/`; makes what they need. */
export function enterRoot(
  { folder, layers }: Pick<PackageRoot, "folder" | "layers">,
  control: string,
  user = ownUser(),
): string[] {
  const ground = layers === undefined ? folder : join(control, "root");
  if (layers !== undefined) {
    const empty = [packageNames.inputs, packageNames.patches].map((name) => join(ground, name));
    for (const made of [ground, ...empty, layers.overlay]) mkdirSync(made);
  }
  const root = layers === undefined ? bound(folder, folder) : overlaid(folder, layers, ground, user);
  writeFileSync(mountsPath(control), [root, ...mountPoints(ground, folder)].join(""));
  writeFileSync(wordsPath(control), "it was refused a namespace; its log has the words");
  return [
    UNSHARE,
    ...(isRoot(user) ? ["--mount"] : ["--user", "--map-root-user", "--mount"]),
    "--propagation=private",
    "--",
    "/bin/sh",
    "-c",
    enter,
    "sh",
    folder,
    mountsPath(control),
    layers?.folder ?? folder,
    wordsPath(control),
    ...(isRoot(user) ? [] : asItself(user)),
  ];
}

/** From the root of a user namespace back to who made it. */
function asItself({ uid, gid }: HostUser): string[] {
  return [UNSHARE, "--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"];
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

/** Tries it once, with jobs that do nothing, in folders that it makes anew and removes. */
export async function tryHostLayout(trial: string): Promise<HostLayout> {
  if ((await refusalOf(trial, { layers: true })) === undefined) return { kind: "possible", layers: true };
  const reason = await refusalOf(trial, { layers: false });
  return reason === undefined ? { kind: "possible", layers: false } : { kind: "refused", reason };
}

/** The job of the trial finds a file, replaces it, and makes what jobs make. */
const trialScript =
  "read -r word </inputs/one && [ $word = 1 ] && rm /inputs/one && mkdir /outputs /inputs/two";

async function refusalOf(
  trial: string,
  { layers }: { readonly layers: boolean },
): Promise<string | undefined> {
  const [folder, layer, control] = [
    join(trial, "root"),
    join(trial, "layers", "inputs-1"),
    join(trial, "control"),
  ];
  try {
    // An agent that was killed in the middle has left it.
    removeTrial(trial);
    const inputs = join(layers ? layer : folder, packageNames.inputs);
    for (const path of [folder, control, inputs]) mkdirSync(path, { recursive: true });
    writeFileSync(join(inputs, "one"), "1\n");
    const lower = { folder: dirname(layer), names: [basename(layer)], overlay: join(trial, "overlay") };
    const words = enterRoot({ folder, layers: layers ? lower : undefined }, control);
    const [program = "", ...rest] = words;
    const run = await execa(program, [...rest, "/bin/sh", "-c", trialScript], {
      reject: false,
      stdin: "ignore",
      timeout: TRIAL_LIMIT_MS,
      maxBuffer: 4096,
    });
    if (!run.failed) return undefined;
    return run.stderr.trim() || layoutFailure(control) || run.originalMessage || "it failed";
  } catch (error) {
    return String(error);
  } finally {
    removeTrial(trial);
  }
}

/** Among it are folders that the kernel has left beside an overlay, into which nobody but root may look as they are. */
function removeTrial(trial: string): void {
  const overlay = join(trial, "overlay");
  if (existsSync(overlay)) openFolders(overlay);
  rmSync(trial, { recursive: true, force: true });
}

function openFolders(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) openFolders(join(path, entry.name));
}

/** The line of a table of mounts that lays the folder over the layers, and these over the ground. */
function overlaid(
  folder: string,
  { folder: from, names, overlay }: PackageLayers,
  ground: string,
  user: HostUser,
): string {
  // Names from there on are short, and have nothing in them that means something in options.
  const near = (path: string): string => (path.startsWith(`${dirname(from)}/`) ? relative(from, path) : path);
  const options = [
    `lowerdir=${[...names, near(ground)].join(":")}`,
    `upperdir=${near(folder)}`,
    `workdir=${near(overlay)}`,
    // The job's folder need not be on disk at its end: nobody looks into it after a crash of the host.
    "volatile",
    ...(isRoot(user) ? [] : ["userxattr"]),
  ];
  return `millrace ${escaped(folder)} overlay ${escaped(options.join(","))} 0 0\n`;
}

/** The line that makes a folder what can become a root. */
function bound(from: string, to: string): string {
  return `${escaped(from)} ${escaped(to)} none bind 0 0\n`;
}

/**
 * Makes a mount point on the ground for each entry of the host's root that is not the job's own, and gives the lines that
 * mount them in the folder; links are made again.
 */
function mountPoints(ground: string, folder: string): string[] {
  const own = new Set<string>(Object.values(packageNames));
  const mounts: string[] = [];
  for (const entry of readdirSync("/", { withFileTypes: true })) {
    if (own.has(entry.name)) continue;
    const [from, made, to] = [`/${entry.name}`, join(ground, entry.name), join(folder, entry.name)];
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), made);
    else if (entry.isDirectory()) {
      mkdirSync(made);
      mounts.push(`${escaped(from)} ${escaped(to)} none rbind 0 0\n`);
    } else if (entry.isFile()) {
      writeFileSync(made, "");
      mounts.push(bound(from, to));
    }
  }
  for (const path of [ground, folder]) chmodSync(path, 0o755);
  return mounts;
}

function isRoot({ uid }: HostUser): boolean {
  return uid === 0;
}

function ownUser(): HostUser {
  return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
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
