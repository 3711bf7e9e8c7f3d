import { join } from "node:path";
import { z } from "zod";
import type { Provenance } from "../../../shared/model/provenance.ts";
import { choosePackages } from "../../readers/packages/package-choice.ts";
import type { PackageStore } from "../../releases/package-store.ts";
import { type ReleaseStores, releaseFolder } from "../../releases/release-store.ts";
import { artifactPlace } from "../artifact-place.ts";
import type { CommandContext } from "../command-context.ts";
import { defineCommand } from "../define-command.ts";
import { exitCode } from "../exit-code.ts";
import type { Column } from "../format/table.ts";
import { printJson } from "../json-output.ts";
import { momentValue, wholeNumber } from "../option-values.ts";
import { readConfig } from "../package-repository.ts";
import { releaseStores, storesShape } from "../release-choice.ts";
import { readStore } from "../store-lock.ts";
import { printTable } from "../table-output.ts";

const schema = z.object({
  ...storesShape,
  package: z.string().optional(),
  to: z.string().optional(),
  olderThan: momentValue.optional(),
  newerThan: momentValue.optional(),
  limit: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(50),
  csv: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** A release, and what is left of it. */
interface Listed {
  readonly provenance: Provenance;
  readonly store: PackageStore;
  readonly name: string;
  readonly version: string;
  readonly at: string;
  readonly missing: readonly string[];
}

const columns: readonly Column[] = [
  { title: "PACKAGE", maxWidth: 40 },
  { title: "VERSION", maxWidth: 20 },
  { title: "RELEASED" },
  { title: "PATH" },
  { title: "STORE" },
  { title: "IMAGE", maxWidth: 60 },
  { title: "DIGEST", maxWidth: 12 },
  { title: "FILE" },
];

/** `millrace release list`: the latest first, with what is no longer there. */
export const command = defineCommand(schema, async (input, context) => {
  const { terminal } = context;
  const stores = releaseStores(input.releasesDir, await readConfig(input, context));
  const nowMs = Date.now();
  const before = input.olderThan?.(nowMs).getTime() ?? Number.POSITIVE_INFINITY;
  const after = input.newerThan?.(nowMs).getTime() ?? Number.NEGATIVE_INFINITY;
  const all = await readReleases(stores, input.to, context);
  const named = input.package === undefined ? all : choosePackages(all, { name: input.package });
  const dated = named.filter(({ at }) => Date.parse(at) < before && Date.parse(at) > after);
  const latest = dated.sort((left, right) => Date.parse(right.at) - Date.parse(left.at));
  const shown = input.limit === 0 ? latest : latest.slice(0, input.limit);
  if (input.json) await printJson(terminal, shown.map(listedRelease));
  else if (shown.length === 0) terminal.note("there is no such release");
  else {
    await printTable(
      terminal,
      columns,
      shown.flatMap((release) => rowsOf(release)),
      input,
    );
  }
  return exitCode.succeeded;
});

async function readReleases(
  stores: ReleaseStores,
  only: string | undefined,
  { terminal }: CommandContext,
): Promise<Listed[]> {
  const found: Listed[] = [];
  for (const name of only === undefined ? stores.names : [only]) {
    const store = await readStore(releaseFolder(stores, name));
    for (const { path, reason } of store.unreadable) terminal.note(`${path} can't be read: ${reason}`);
    for (const provenance of store.artifacts()) {
      const at = provenance.release?.at ?? new Date(0).toISOString();
      found.push({ provenance, store, ...provenance.package, at, missing: await store.missing(provenance) });
    }
  }
  return found;
}

/** One row for each file, as butido has it; the first four columns are butido's. */
function rowsOf({ provenance, store, name, version, at, missing }: Listed): string[][] {
  const gone = new Set(missing);
  return provenance.files.map(({ path }) => [
    name,
    version,
    at,
    join(store.root, path),
    provenance.release?.store ?? "-",
    artifactPlace(provenance),
    provenance.artifact.digest,
    gone.has(path) ? "missing" : "there",
  ]);
}

/** A release in JSON: what identifies it, and where all that is known of it lies. */
function listedRelease({ provenance, store, name, version, at, missing }: Listed): object {
  return {
    package: name,
    version,
    store: provenance.release?.store ?? null,
    releasedAt: at,
    run: provenance.made.run,
    image: provenance.image,
    ranOn: provenance.ranOn,
    digest: provenance.artifact.digest,
    files: provenance.files.map(({ path }) => join(store.root, path)),
    missing: missing.map((path) => join(store.root, path)),
    provenance: store.provenanceFile(provenance),
  };
}
