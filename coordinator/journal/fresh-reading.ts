/**
 * A reading that is never older than the question: who asks while one is under way gets the next one, which all who
 * asked meanwhile share. So a burst of questions costs two readings, and none is answered with what was read before it.
 */
export class FreshReading<T> {
  readonly #read: () => Promise<T>;
  #current: Promise<unknown> | undefined;
  #next: Promise<T> | undefined;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** A reading that began after this call. */
  take(): Promise<T> {
    if (this.#current === undefined) return this.#begin();
    this.#next ??= this.#current.then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<T> {
    this.#next = undefined;
    const reading = this.#read();
    const over = (): void => {
      if (this.#current === current) this.#current = undefined;
    };
    const current = reading.then(over, over);
    this.#current = current;
    return reading;
  }
}
