import { MemoryReuseStore } from "../../coordinator/journal/memory-reuse-store.ts";
import { type JobInput, type JobRequest, jobInputsSchema } from "../../shared/model/messages.ts";
import { MemoryDocuments } from "../support/memory-documents.ts";
import { MemoryObjects } from "../unit/store/memory-objects.ts";

/** The object store as the simulated cluster uses it: artifacts by digest, and documents. */
export class ArtifactShelf {
  isDown = false;
  readonly documents = new MemoryDocuments();
  /** Snapshots of runs. */
  readonly snapshots = new MemoryObjects();
  readonly estimates = new MemoryObjects();
  /** What is remembered of jobs. */
  readonly results = new MemoryReuseStore();
  readonly #digests = new Set<string>();
  readonly #spoiled = new Map<string, "corrupt" | "notFound">();
  readonly #goneSince = new Map<string, number>();

  put(digest: string): void {
    this.#digests.add(digest);
    // What is stored again is there again; what is damaged stays so.
    if (this.#spoiled.get(digest) === "notFound") this.#spoiled.delete(digest);
  }

  get digests(): readonly string[] {
    return [...this.#digests];
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

  /** Why an artifact can't be had. */
  problemOf(digest: string): "corrupt" | "notFound" | undefined {
    return this.#spoiled.get(digest) ?? (this.#digests.has(digest) ? undefined : "notFound");
  }

  /** What a job request asks for; a long list of inputs is a document. */
  async inputsOf({ inputs, inputList }: JobRequest): Promise<readonly JobInput[]> {
    return inputList === undefined ? inputs : jobInputsSchema.parse(await this.documents.read(inputList));
  }
}
