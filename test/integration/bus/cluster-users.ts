/** Commands that use a local cluster, as processes of their own, and a view of what the cluster runs. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const script = fileURLToPath(new URL("./cluster-user.mjs", import.meta.url));

export interface Answer {
  readonly url?: string;
  readonly tookMs?: number;
  readonly error?: { readonly code: string; readonly message: string; readonly fix: string };
}

export interface ClusterUser {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it says once it has the cluster, or has failed. */
  readonly answer: Promise<Answer>;
  /** Ends its input, and waits until it has let go and its output is closed. */
  release(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** The local cluster's code as JavaScript in a folder of its own, for processes without a TypeScript loader. */
export class CompiledCluster {
  readonly folder = mkdtempSync(join(tmpdir(), "millrace-compiled-"));
  readonly #library = join(this.folder, "coordinator", "cli", "local", "local-cluster.js");

  constructor() {
    const config = join(this.folder, "tsconfig.json");
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
    writeFileSync(join(this.folder, "package.json"), '{"type":"module"}');
    const compilerOptions = { rootDir: root, outDir: this.folder, declaration: false };
    const files = [join(root, "coordinator/cli/local/local-cluster.ts")];
    writeFileSync(
      config,
      JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] }),
    );
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config]);
  }

  start(stateDir: string, coordinator: readonly string[], environment: NodeJS.ProcessEnv = {}): ClusterUser {
    const child = spawn(process.execPath, [script, this.#library, stateDir, ...coordinator], {
      stdio: ["pipe", "pipe", "inherit"],
      // A process group of its own, as an interactive shell gives each command.
      detached: true,
      env: { ...process.env, ...environment },
    });
    const lines: AsyncIterator<string> = createInterface(child.stdout)[Symbol.asyncIterator]();
    const answer = lines
      .next()
      .then(({ value }) => JSON.parse((value as string | undefined) ?? "{}") as Answer);
    const closed = once(child, "close");
    return {
      child,
      pid: child.pid as number,
      answer,
      release: async () => {
        child.stdin.end();
        await closed;
      },
      kill: async () => {
        child.kill("SIGKILL");
        await closed;
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export interface ClusterProcess {
  readonly pid: number;
  readonly command: string;
}

/** Every living process that the cluster in this folder has started, the guard too. */
export function clusterProcesses(stateDir: string): ClusterProcess[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "utf8");
      if (!environment.split("\0").includes(`MILLRACE_LOCAL_CLUSTER=${stateDir}`)) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      // A process that has ended and was not reaped has no command line.
      return command === "" ? [] : [{ pid: Number(name), command }];
    } catch {
      return []; // not a process, or gone meanwhile
    }
  });
}
