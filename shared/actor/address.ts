/**
 * Addresses of actors, as paths and as subjects: `/coordinator/runs/r1` on node `c1` is `<root>.c1.coordinator.runs.r1`.
 * So a name is one token of a subject: no dot, slash, wildcard, white space or control character. Names that start
 * with `$` belong to the runtime.
 */
import { ActorError } from "./actor-error.ts";

const TOKEN = /^(?!\$)[^\s./*>\p{Cc}]{1,256}$/u;
const RUNTIME_PATH = /^\/\$ask\/[A-Za-z0-9-]{1,64}$/;

/** Throws unless the name may be an actor's or a node's. */
export function checkName(name: string): void {
  if (TOKEN.test(name)) return;
  throw new ActorError(
    "badName",
    `${JSON.stringify(name)} cannot name an actor: use 1 to 256 characters without dot, slash, wildcard or white space`,
  );
}

export function isPath(path: string): boolean {
  if (RUNTIME_PATH.test(path)) return true;
  return (
    path.startsWith("/") &&
    path
      .slice(1)
      .split("/")
      .every((name) => TOKEN.test(name))
  );
}

/** Throws unless the two may be an actor's address. */
export function checkAddress(node: string, path: string): void {
  checkName(node);
  if (!isPath(path)) throw new ActorError("badName", `${JSON.stringify(path)} is no path of an actor`);
}

export function subjectOf(root: string, node: string, path: string): string {
  return `${root}.${node}${path.replaceAll("/", ".")}`;
}

/** The path in a subject that starts with `<root>.<node>`, of which the length is given. */
export function pathOf(subject: string, prefixLength: number): string {
  return subject.slice(prefixLength).replaceAll(".", "/");
}
