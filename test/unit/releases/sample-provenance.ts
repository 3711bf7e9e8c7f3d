import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Addition } from "../../../coordinator/releases/addition.ts";
import type { Provenance } from "../../../shared/model/provenance.ts";

/** Files of an artifact by path, with their content. */
export type Files = Readonly<Record<string, string>>;

/** The provenance of an artifact with these files; `package` is `name version`. */
export function provenanceOf(owner: string, files: Files, more: Partial<Provenance> = {}): Provenance {
  const [name = "", version = ""] = owner.split(" ");
  const entries = Object.entries(files);
  return {
    v: 1,
    package: { name, version },
    artifact: {
      digest: sha256(JSON.stringify(entries)),
      files: entries.length,
      bytes: entries.reduce((sum, [, text]) => sum + text.length, 0),
    },
    files: entries.map(([path, text]) => ({
      type: "file",
      path,
      executable: false,
      size: text.length,
      sha256: sha256(text),
    })),
    made: {
      run: "20260801-120000-aaaaaa",
      job: owner,
      attempt: 1,
      agent: "host",
      startedAt: "2026-08-01T12:00:00.000Z",
      endedAt: "2026-08-01T12:01:00.000Z",
    },
    image: "debian:bullseye",
    ranOn: { image: "sha256:0123" },
    implicit: false,
    script: { sha256: sha256("#!/bin/bash\n"), text: "#!/bin/bash\n" },
    environment: [],
    sources: [],
    patches: [],
    inputs: [],
    graph: null,
    commit: null,
    millrace: "0.1.0",
    release: null,
    ...more,
  };
}

/** Makes a folder with the files, as a download does. */
export function fillWith(files: Files): (folder: string) => Promise<void> {
  return async (folder) => {
    await mkdir(folder, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  };
}

/** The artifact with these files, to be put into a store. */
export function additionOf(provenance: Provenance, files: Files): Addition {
  return {
    fill: async (folder) => {
      await fillWith(files)(folder);
      return provenance;
    },
  };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
