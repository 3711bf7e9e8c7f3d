import { MemoryReuseStore } from "../../coordinator/journal/memory-reuse-store.ts";
import { type JobInput, type JobRequest, jobInputsSchema } from "../../shared/model/messages.ts";
import { getDocument, putDocument } from "../../shared/store/document.ts";
import type { Objects } from "../../shared/store/objects.ts";
import { ObjectBucket } from "./object-bucket.ts";

/** The object store as the simulated cluster uses it: artifacts by digest, documents, snapshots of runs. */
export class ArtifactShelf {
  isDown = false;
  readonly bucket: ObjectBucket;
  /** What is remembered of jobs. */
  readonly results = new MemoryReuseStore();
  readonly #spoiled = new Map<string, "corrupt" | "notFound">();
  readonly #goneSince = new Map<string, number>();

  constructor(now: () => number) {
    this.bucket = new ObjectBucket(now);
  }

  /** What is stored again is there again; what is damaged stays so. */
  onStored(digest: string): void {
    if (this.#spoiled.get(digest) === "notFound") this.#spoiled.delete(digest);
  }

  get digests(): readonly string[] {
    return this.bucket.names("artifact").map((name) => name.slice("artifact/".length));
  }

  /** An artifact is damaged, or gone, from now on. */
  spoil(digest: string, problem: "corrupt" | "notFound", nowMs: number): void {
    this.#spoiled.set(digest, problem);
    this.#goneSince.set(digest, nowMs);
  }

  /** How long it has been gone; 0 where it is there. */
  goneForMs(digest: string, nowMs: number): number {
    return this.#spoiled.get(digest) === "notFound" ? nowMs - (this.#goneSince.get(digest) ?? nowMs) : 0;
  }

  /** Whether a fault has struck it. */
  isSpoiled(digest: string): boolean {
    return this.#spoiled.has(digest);
  }

  /** Says that an artifact is wanted still; false where it is gone. */
  announce(digest: string): boolean {
    const entry = this.bucket.entry(`artifact/${digest}`);
    if (entry === undefined || this.problemOf(digest) === "notFound") return false;
    return this.bucket.write(entry.seq, entry) !== undefined;
  }

  /** Why an artifact can't be had. */
  problemOf(digest: string): "corrupt" | "notFound" | undefined {
    const isThere = this.bucket.bytesOf(`artifact/${digest}`) !== undefined;
    return this.#spoiled.get(digest) ?? (isThere ? undefined : "notFound");
  }
}

/** What a job request asks for; a long list of inputs is a document. */
export async function inputsOf(
  { inputs, inputList }: JobRequest,
  objects: Objects,
): Promise<readonly JobInput[]> {
  return inputList === undefined
    ? inputs
    : jobInputsSchema.parse(await getDocument(objects, "data", inputList));
}

/** Documents as coordinators store them. */
export function documentsIn(objects: Objects) {
  return {
    store: (value: unknown) => putDocument(objects, "data", value),
    read: (digest: string) => getDocument(objects, "data", digest),
  };
}
