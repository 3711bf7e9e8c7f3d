/**
 * What jobs without a container find on this host: its distribution and its architecture, by which hosts are told apart
 * whose results may differ. `/etc/os-release` says it on all systems with systemd and most others.
 */
import { readFileSync } from "node:fs";
import { machine, platform } from "node:os";

const MAX_CHARS = 200;

/** Such as `debian 12 x86_64`; where nothing says which distribution it is, `linux x86_64`. */
export function hostIdentity(): string {
  return identityOf(osRelease(), machine());
}

/** The same of a given file. */
export function identityOf(text: string, architecture: string): string {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, quoted] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined) values.set(name, (quoted ?? "").replace(/^(["'])(.*)\1$/, "$2"));
  }
  // A rolling distribution has no version, but may say when it was built.
  const version = values.get("VERSION_ID") ?? values.get("BUILD_ID") ?? "";
  return [values.get("ID") || platform(), version, architecture]
    .filter(Boolean)
    .join(" ")
    .slice(0, MAX_CHARS);
}

function osRelease(): string {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Not here: the next place may have it.
    }
  }
  return "";
}
