/** Room for so many bytes, which work of different sizes shares. Who comes first is served first, so that nothing starves. */
export class ByteRoom {
  readonly #bytes: number;
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#free = bytes;
  }

  /** Does the work when there is room for it; what is larger than all the room has it for itself. */
  async within<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#bytes);
    await new Promise<void>((enter) => {
      this.#waiting.push({ bytes: taken, enter });
      this.#letIn();
    });
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (
      let first = this.#waiting[0];
      first !== undefined && first.bytes <= this.#free;
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.enter();
    }
  }
}
