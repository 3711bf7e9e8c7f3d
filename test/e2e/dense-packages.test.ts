/** What a build costs whose packages need many others, by counters, which do not depend on the machine. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Cluster } from "../support/cluster.ts";
import { CommandUser } from "../support/command.ts";
import { generatedPackages, inChain, inSteps, type PackageShape } from "../support/generated-packages.ts";
import { writeFiles } from "../support/package-repository.ts";
import { triedHostLayout } from "../support/tried-host-layout.ts";

const hostLayout = await triedHostLayout();
if (hostLayout.kind === "refused")
  process.stderr.write(`note: dense builds are skipped: ${hostLayout.reason}\n`);

/** What a package cost. */
interface Cost {
  /** Messages that the server was sent, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Entries that the agent has made in folders of inputs. */
  readonly links: number;
  /** Inputs that it saw. */
  readonly inputs: number;
}

async function costOf(count: number, shape: PackageShape): Promise<{ first: Cost; second: Cost }> {
  const repo = await writeFiles(generatedPackages(count, shape));
  await using user = await CommandUser.create();
  const cluster = await Cluster.start({ serverConfig: 'http: "127.0.0.1:-1"' });
  try {
    const options = ["--repo", repo, "--on-host", "--staging-dir", "staging", "--server", cluster.server.url];
    const build = async (): Promise<Cost> => {
      const before = await trafficOf(cluster);
      const { status, stdout, stderr } = await user.run("build", "--all", ...options);
      expect(status, stderr).toBe(0);
      const after = await trafficOf(cluster);
      const seen = await Promise.all(
        stdout
          .trimEnd()
          .split("\n")
          .map(async (path) => Number(await readFile(path, "utf8"))),
      );
      expect(seen).toHaveLength(count);
      const links = await entriesIn(join(cluster.folder, "a1/layers"));
      const inputs = seen.reduce((sum, number) => sum + number, 0);
      return {
        messages: (after.messages - before.messages) / count,
        bytes: (after.bytes - before.bytes) / count,
        links: links / count,
        inputs: inputs / count,
      };
    };
    return { first: await build(), second: await build() };
  } finally {
    await cluster.stop();
  }
}

/** All that came to the server so far. */
async function trafficOf({ server }: Cluster): Promise<{ messages: number; bytes: number }> {
  const ports = JSON.parse(
    await readFile(join(server.dataFolder, `nats-server_${server.pid()}.ports`), "utf8"),
  ) as { monitoring: string[] };
  const answer = (await (await fetch(`${ports.monitoring[0]}/varz`)).json()) as {
    in_msgs: number;
    in_bytes: number;
  };
  return { messages: answer.in_msgs, bytes: answer.in_bytes };
}

async function entriesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).length;
}

/**
 * Bytes for each input more. The agent is told its digest and its job, and what the job was made of is remembered with it;
 * whoever tells inputs once more, in a record, an event or an order, passes this.
 */
const MOST_BYTES = { first: 250, second: 125 };

/** Layers are shared: without them there is a link, or a copy, for each input. */
const FEWER_LINKS = 4;

describe.skipIf(hostLayout.kind === "refused")("a package that needs three times as many others", () => {
  it.each([
    ["in steps", inSteps(10)],
    ["in a chain", inChain],
  ])(
    "costs no more messages, few bytes and few links (%s)",
    async (_, shape) => {
      const few = await costOf(40, shape);
      const many = await costOf(120, shape);
      const more = many.first.inputs - few.first.inputs;
      expect(more).toBeGreaterThan(30);
      expect(many.first.links).toBeLessThan(many.first.inputs / FEWER_LINKS);
      for (const time of ["first", "second"] as const) {
        expect(many[time].messages).toBeLessThan(1.3 * few[time].messages);
        expect((many[time].bytes - few[time].bytes) / more).toBeLessThan(MOST_BYTES[time]);
      }
    },
    180_000,
  );
});
