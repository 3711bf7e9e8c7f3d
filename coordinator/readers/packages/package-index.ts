/** Finds packages by what dependencies and people call them. */
import { MillraceError } from "../../../shared/model/error.ts";
import { didYouMean } from "../../../shared/model/nearest-name.ts";
import { type Package, packageTitle } from "./package.ts";
import { choosePackages } from "./package-choice.ts";

export class PackageIndex {
  readonly #packages: readonly Package[];
  readonly #named = new Map<string, Package[]>();

  constructor(packages: readonly Package[]) {
    this.#packages = packages;
    for (const item of packages) {
      const versions = this.#named.get(item.name);
      if (versions === undefined) this.#named.set(item.name, [item]);
      else versions.push(item);
    }
  }

  names(): Iterable<string> {
    return this.#named.keys();
  }

  /** Every version of a package, in order. */
  versions(name: string): readonly Package[] {
    return this.#named.get(name) ?? [];
  }

  find(name: string, version: string): Package | undefined {
    return this.versions(name).find((item) => item.version === version);
  }

  /** The one version that is to be built; throws when it is not there, or when none is named and there are several. */
  one(name: string, version?: string): Package {
    const versions = choosePackages(this.#packages, { name });
    const exact = version?.replace(/^=/, "");
    const found = exact === undefined && versions.length === 1 ? versions[0] : this.find(name, exact ?? "");
    if (found !== undefined) return found;
    const names = versions.map((item) => item.version);
    if (exact !== undefined) {
      const message = `there is no ${packageTitle({ name, version: exact })}${didYouMean(exact, names)}`;
      throw new MillraceError("notFound", message, { fix: `There is ${listed(names)}.` });
    }
    throw new MillraceError("badInput", `${name} has ${versions.length} versions: ${listed(names)}`, {
      fix: `Name one: ${name} ${names.at(-1)}`,
    });
  }
}

const SHOWN_VERSIONS = 20;

function listed(versions: readonly string[]): string {
  const shown = versions.slice(0, SHOWN_VERSIONS);
  if (shown.length < versions.length) shown.push(`${versions.length - shown.length} more`);
  return shown.join(", ");
}
