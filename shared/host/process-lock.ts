/**
 * A lock file that tells who holds it, and is void when that process is gone.
 *
 * 1. The file appears whole: it is written aside and linked to its name, which fails when the name is taken.
 * 2. Only its living holder, or the one who holds the lock *on breaking that very lock*, removes it. The second lock
 *    is of the same kind and its name holds the token of the first, so a lock taken meanwhile by somebody else can't
 *    be broken by one who has judged its predecessor.
 * 3. It never blocks: a lock whose holder or breaker dies is void at the next attempt, at any depth.
 * 4. What processes that died on the way have left beside it, drafts and second locks, is removed by the next holder.
 *    No second lock of an earlier lock is good for anything by then, as that token never returns.
 */
import { randomBytes } from "node:crypto";
import { link, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isRunning, ownIdentity } from "./process-identity.ts";

export type Release = () => Promise<void>;

const DRAFT = ".draft-";

/** Takes the lock if it is free or void; nothing when somebody holds it. */
export async function tryLock(path: string): Promise<Release | undefined> {
  if (await create(path)) return await held(path);
  const holder = await readHolder(path);
  if (holder === undefined || (await isRunning(holder.identity))) return undefined;
  const releaseBreaking = await tryLock(`${path}.${holder.token}`);
  if (releaseBreaking === undefined) return undefined;
  try {
    if ((await readHolder(path))?.token === holder.token) await rm(path, { force: true });
  } finally {
    await releaseBreaking();
  }
  return (await create(path)) ? await held(path) : undefined;
}

/** Pid of the living process that holds the lock; nothing when none does. */
export async function holderOf(path: string): Promise<number | undefined> {
  const holder = await readHolder(path);
  return holder !== undefined && (await isRunning(holder.identity))
    ? Number.parseInt(holder.identity, 10)
    : undefined;
}

interface Holder {
  readonly identity: string;
  readonly token: string;
}

async function create(path: string): Promise<boolean> {
  const token = randomBytes(8).toString("hex");
  const identity = await ownIdentity();
  // Whose it is stands in its name, as one who dies here may leave it empty.
  const draft = `${path}${DRAFT}${identity}.${token}`;
  await writeFile(draft, `${identity} ${token}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The lock is this process's: removes what the dead have left beside it, and nothing that is no lock. */
async function held(path: string): Promise<Release> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const left = join(folder, name);
    const identity = writerOfDraft(name) ?? (await readHolder(left))?.identity;
    if (identity === undefined || !/^\d+-/.test(identity) || (await isRunning(identity))) continue;
    await rm(left, { force: true });
  }
  return () => rm(path, { force: true });
}

function writerOfDraft(name: string): string | undefined {
  const at = name.lastIndexOf(DRAFT);
  return at < 0 ? undefined : name.slice(at + DRAFT.length).split(".")[0];
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const words = (await readFile(path, "utf8")).trim().split(" ");
    return words.length > 2 ? ofAgent(words) : { identity: words[0] ?? "", token: words[1] ?? "" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Version 0.1 wrote agents' locks as `<pid> <start> <boot> [<token>]`. */
function ofAgent([pid = "", start = "", boot = "", token = `${pid}-${start}`]: readonly string[]): Holder {
  return { identity: `${pid}-${start}-${boot.slice(0, 8)}`, token };
}
