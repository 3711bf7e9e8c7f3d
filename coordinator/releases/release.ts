/**
 * Releases artifacts of a staged run: what would happen to each is known, and can be refused or asked about, before the
 * first of them is copied.
 */
import { chmod, copyFile, mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MillraceError } from "../../shared/model/error.ts";
import type { Provenance, StoredFile } from "../../shared/model/provenance.ts";
import { TimeSlice } from "../../shared/store/time-slice.ts";
import type { Addition } from "./addition.ts";
import { digestOfFile } from "./content-digest.ts";
import type { PackageStore } from "./package-store.ts";
import { type Conflict, describeConflict } from "./store-conflict.ts";

/** An artifact of a staged run, and the store that it lies in. */
export interface StagedArtifact {
  readonly provenance: Provenance;
  readonly store: PackageStore;
}

/** What becomes of an artifact. */
export type ReleaseStep =
  /** It is released there already, whole, or by this very command from another image. */
  | { readonly kind: "present"; readonly staged: StagedArtifact }
  | { readonly kind: "new"; readonly staged: StagedArtifact }
  /** It takes the place of files that are there: of earlier releases of the same package and version, or unknown. */
  | {
      readonly kind: "update";
      readonly staged: StagedArtifact;
      readonly replacing: readonly [Conflict, ...Conflict[]];
    }
  /** What is in its way is not its own to replace. */
  | { readonly kind: "refused"; readonly staged: StagedArtifact; readonly reason: string };

/** Decides for every artifact; changes nothing. */
export async function planRelease(
  staged: readonly StagedArtifact[],
  target: PackageStore,
): Promise<ReleaseStep[]> {
  const steps: ReleaseStep[] = [];
  const claimed = new Map<string, Provenance>();
  const slice = new TimeSlice();
  for (const artifact of staged) {
    const others = artifact.provenance.files.flatMap(({ path }) => claimed.get(path) ?? []);
    const [other] = others.filter((candidate) => !isSame(candidate, artifact.provenance));
    if (other !== undefined) steps.push({ kind: "refused", staged: artifact, reason: sharedPath(other) });
    else if (others.length > 0) steps.push({ kind: "present", staged: artifact });
    else steps.push(planOne(artifact, target));
    for (const { path } of artifact.provenance.files) claimed.set(path, artifact.provenance);
    if (slice.isOver) await slice.rest();
  }
  return steps;
}

function planOne(staged: StagedArtifact, target: PackageStore): ReleaseStep {
  const { provenance, store } = staged;
  const missing = store.missing(provenance);
  if (missing.length > 0) {
    return { kind: "refused", staged, reason: `${missing.join(", ")} is no longer in ${store.root}` };
  }
  const same = target.find(provenance);
  if (same !== undefined && target.missing(same).length === 0) return { kind: "present", staged };
  const conflicts = target.conflicts(provenance);
  const foreign = conflicts.filter((conflict) => !isReplaceable(conflict, provenance));
  if (foreign.length > 0) {
    return { kind: "refused", staged, reason: foreign.map(describeConflict).join(", ") };
  }
  const [first, ...others] = conflicts;
  if (first === undefined) return { kind: "new", staged };
  return { kind: "update", staged, replacing: [first, ...others] };
}

/** An update replaces the same version of the same package, and files of which nothing is known. */
function isReplaceable(conflict: Conflict, { package: { name, version } }: Provenance): boolean {
  if (conflict.kind !== "owned") return conflict.kind === "stranger";
  const { package: owner } = conflict.owner;
  return owner.name === name && owner.version === version;
}

/** Whether two images gave the same artifact of a package. */
function isSame(left: Provenance, right: Provenance): boolean {
  return (
    left.artifact.digest === right.artifact.digest &&
    left.package.name === right.package.name &&
    left.package.version === right.package.version
  );
}

function sharedPath({ package: { name, version }, image }: Provenance): string {
  const where = image === null ? "" : ` on ${image}`;
  return `it has a file of the same name as ${name} ${version}${where}, which is to be released with it`;
}

/** Carries out what may be, all of it or nothing; gives the provenance of what has come. The bytes must be as they were made. */
export async function carryOutRelease(
  steps: readonly ReleaseStep[],
  target: PackageStore,
  release: NonNullable<Provenance["release"]>,
): Promise<Provenance[]> {
  const additions: Addition[] = [];
  const graphs = new Map<string | null, string | undefined>();
  for (const step of steps) {
    if (step.kind !== "new" && step.kind !== "update") continue;
    const { provenance, store } = step.staged;
    if (!graphs.has(provenance.graph)) graphs.set(provenance.graph, await store.graphOf(provenance));
    additions.push({
      graph: graphs.get(provenance.graph),
      replacing: step.kind === "update" ? step.replacing : [],
      fill: async (folder) => {
        await mkdir(folder, { recursive: true });
        for (const file of provenance.files) await copyVerified(store.root, folder, file);
        return { ...provenance, release };
      },
    });
  }
  return additions.length === 0 ? [] : await target.putAll(additions);
}

async function copyVerified(from: string, to: string, file: StoredFile): Promise<void> {
  const target = join(to, file.path);
  await mkdir(dirname(target), { recursive: true });
  if (file.type === "link") {
    await symlink(file.target, target);
    return;
  }
  await copyFile(join(from, file.path), target);
  await chmod(target, file.executable ? 0o755 : 0o644);
  if ((await digestOfFile(target)) !== file.sha256) {
    throw new MillraceError("refused", `${join(from, file.path)} is not what its job has made`, {
      fix: "Stage it again with millrace build, which reuses what its job has made.",
    });
  }
  const handle = await open(target, "r");
  await handle.sync();
  await handle.close();
}
