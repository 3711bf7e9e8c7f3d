/** What is in artifacts: read once of those of few files, as the same ones are put into layers again and again. */
import { type Dirent, readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";

/** A file, a folder or a link below a folder; a folder comes before what is in it. */
export interface ListedEntry {
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
}

const FEW_ENTRIES = 16;
const MAX_LISTINGS = 10_000;

/** Lists a folder with all below it. */
export async function listFolder(folder: string): Promise<ListedEntry[]> {
  // Most packages are a file or two: asking another thread costs more than looking.
  const top = readdirSync(folder, { withFileTypes: true });
  if (!top.some((entry) => entry.isDirectory())) return top.map((entry) => listed(entry, entry.name));
  const all = await readdir(folder, { withFileTypes: true, recursive: true });
  return all.map((entry) => listed(entry, `${entry.parentPath}/${entry.name}`.slice(folder.length + 1)));
}

/** Listings of artifacts by digest; an artifact does not change. */
export class Listings {
  readonly #known = new Map<string, readonly ListedEntry[]>();

  /** What is in the artifact that lies in a folder. */
  async of(digest: string, folder: string): Promise<readonly ListedEntry[]> {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const listing = await listFolder(folder);
    if (listing.length > FEW_ENTRIES) return listing;
    if (this.#known.size >= MAX_LISTINGS) this.#known.clear();
    this.#known.set(digest, listing);
    return listing;
  }
}

function listed(entry: Dirent, path: string): ListedEntry {
  const kind = entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "file";
  return { path, kind };
}
