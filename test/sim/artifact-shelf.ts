import { type JobInput, type JobRequest, jobInputsSchema } from "../../shared/model/messages.ts";
import { MemoryDocuments } from "../support/memory-documents.ts";

/** The object store as the simulated cluster uses it: artifacts by digest, and documents. */
export class ArtifactShelf {
  isDown = false;
  readonly documents = new MemoryDocuments();
  readonly #digests = new Set<string>();

  put(digest: string): void {
    this.#digests.add(digest);
  }

  has(digest: string): boolean {
    return this.#digests.has(digest);
  }

  /** What a job request asks for; a long list of inputs is a document. */
  async inputsOf({ inputs, inputList }: JobRequest): Promise<readonly JobInput[]> {
    return inputList === undefined ? inputs : jobInputsSchema.parse(await this.documents.read(inputList));
  }
}
