/** Which image a name stands for on this host, without fetching it. */
import type { Engine } from "./engine.ts";
import { askEngine } from "./engine-command.ts";

/** Null where it is not here, or that can't be told; `problem` says more. */
export interface FoundImage {
  readonly digest: string | null;
  readonly problem: string | null;
}

/** Whoever asks does not wait for longer. */
const LIMIT_MS = 10_000;
const MAX_PROBLEM_CHARS = 1_000;

export async function findImage(engine: Engine, image: string): Promise<FoundImage> {
  const args = ["image", "inspect", "--format", "{{.Id}}", "--", image];
  const reply = await askEngine(engine.binary, args, { timeoutMs: LIMIT_MS });
  if (!reply.ok) return { digest: null, problem: reply.words.slice(0, MAX_PROBLEM_CHARS) };
  return { digest: imageDigest(reply.answer.trim()), problem: null };
}

/** In one form: podman leaves the name of the hash out. */
export function imageDigest(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? `sha256:${id}` : id;
}
