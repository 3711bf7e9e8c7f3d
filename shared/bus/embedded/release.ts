/**
 * The release of nats-server that `millrace setup` downloads. The sums are those of the published archives, as
 * nats-io's own container images (Linux) and an independent package collection (Linux and macOS) have them.
 */

export type Platform = "linux-amd64" | "linux-arm64" | "darwin-amd64" | "darwin-arm64";

export interface ServerRelease {
  readonly version: string;
  /** Folder that holds `v<version>/nats-server-v<version>-<platform>.tar.gz`. */
  readonly baseUrl: string;
  readonly sha256: Readonly<Record<Platform, string>>;
}

export const pinnedRelease: ServerRelease = {
  version: "2.14.5",
  baseUrl: "https://github.com/nats-io/nats-server/releases/download",
  sha256: {
    "linux-amd64": "5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355",
    "linux-arm64": "673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c",
    "darwin-amd64": "f95c98d6b6ed2b63c5681b46b092c9585c99767d547cf495730c329234625e96",
    "darwin-arm64": "ddd907854d9a2de834af133fa396915fe6442fe6d8909ae31390d1ea7a0fea50",
  },
};

/** The platform as releases are named, or nothing where none is published that we know the sum of. */
export function platformOf(platform: NodeJS.Platform, arch: string): Platform | undefined {
  const cpu = new Map([
    ["x64", "amd64"],
    ["arm64", "arm64"],
  ]).get(arch);
  if (cpu === undefined || (platform !== "linux" && platform !== "darwin")) return undefined;
  return `${platform}-${cpu}` as Platform;
}
