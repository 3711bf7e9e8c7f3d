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

  put(digest: string): void {
    this.#digests.add(digest);
  }

  get digests(): readonly string[] {
    return [...this.#digests];
  }

  /** An artifact is damaged, or gone, from now on. */
  spoil(digest: string, problem: "corrupt" | "notFound"): void {
    this.#spoiled.set(digest, problem);
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
