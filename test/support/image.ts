/** Images for tests, made from this machine's own files: no registry is asked. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import type { TestDocker } from "./docker.ts";

/** An image with busybox and a link for each of its applets. Needs Debian's busybox-static. */
export async function makeBusyboxImage(docker: TestDocker, name: string): Promise<void> {
  const busybox = "/bin/busybox";
  const applets = run(busybox, ["--list"]).trim().split("\n");
  const tree = pack();
  tree.entry({ name: "bin/busybox", mode: 0o755 }, readFileSync(busybox));
  for (const applet of applets) {
    if (applet !== "busybox") tree.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox" });
  }
  tree.entry({ name: "tmp/", type: "directory", mode: 0o1777 });
  tree.entry({ name: "etc/passwd" }, "root:x:0:0:root:/root:/bin/sh\n");
  tree.finalize();
  docker.docker(["import", "-", name], await buffer(tree));
}

/** An image with one static program and nothing else, no shell above all. */
export async function makeShelllessImage(docker: TestDocker, name: string): Promise<void> {
  const tree = pack();
  tree.entry({ name: "bin/busybox", mode: 0o755 }, readFileSync("/bin/busybox"));
  tree.finalize();
  docker.docker(["import", "-", name], await buffer(tree));
}

/** An image with this machine's nats-server and the libraries it is linked with; it listens on 4222. */
export async function makeNatsServerImage(docker: TestDocker, name: string): Promise<void> {
  const server = process.env.MILLRACE_TEST_NATS_SERVER ?? "/usr/sbin/nats-server";
  const libraries = run("ldd", [server], "not a dynamic executable").match(/\/\S+(?= \(0x)/g) ?? [];
  const tree = pack();
  tree.entry({ name: "nats-server", mode: 0o755 }, readFileSync(server));
  for (const library of libraries) {
    tree.entry({ name: library.slice(1), mode: 0o755 }, readFileSync(library));
  }
  tree.entry({ name: "tmp/", type: "directory", mode: 0o1777 });
  tree.finalize();
  const changes = ['ENTRYPOINT ["/nats-server"]', 'CMD ["--jetstream", "--addr", "0.0.0.0"]', "EXPOSE 4222"];
  docker.docker(
    ["import", ...changes.flatMap((change) => ["--change", change]), "-", name],
    await buffer(tree),
  );
}

/** `unlessSaying`: a complaint that means there is nothing to list. */
function run(binary: string, args: readonly string[], unlessSaying?: string): string {
  const call = spawnSync(binary, args, { encoding: "utf8" });
  if (call.status === 0) return call.stdout;
  if (unlessSaying !== undefined && `${call.stdout}${call.stderr}`.includes(unlessSaying)) return "";
  throw new Error(`${binary} ${args.join(" ")}: ${call.error?.message ?? call.stderr.trim()}`);
}
