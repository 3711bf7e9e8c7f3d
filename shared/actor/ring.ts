const SMALLEST = 4;
/** A ring that grew beyond this is given back to the heap when it runs empty. */
const KEPT_WHEN_EMPTY = 64;

/** A queue over one array of a power of two: pushing and shifting cost no allocation once it has grown. */
export class Ring<T> {
  private slots: (T | undefined)[] = new Array(SMALLEST);
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(item: T): void {
    if (this.count === this.slots.length) this.grow();
    this.slots[(this.head + this.count) & (this.slots.length - 1)] = item;
    this.count++;
  }

  /** Takes the oldest item; check `length` first where `undefined` is an item. */
  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.count--;
    if (this.count === 0 && this.slots.length > KEPT_WHEN_EMPTY) this.clear();
    return item;
  }

  /** Takes the oldest item that matches out of the middle, keeping the order of the others. */
  remove(matches: (item: T) => boolean): T | undefined {
    const mask = this.slots.length - 1;
    for (let offset = 0; offset < this.count; offset++) {
      const found = this.slots[(this.head + offset) & mask] as T;
      if (!matches(found)) continue;
      for (let back = offset; back > 0; back--) {
        this.slots[(this.head + back) & mask] = this.slots[(this.head + back - 1) & mask];
      }
      this.shift();
      return found;
    }
    return undefined;
  }

  clear(): void {
    this.slots = new Array(SMALLEST);
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const grown: (T | undefined)[] = new Array(this.slots.length * 2);
    for (let index = 0; index < this.count; index++) {
      grown[index] = this.slots[(this.head + index) & (this.slots.length - 1)];
    }
    this.slots = grown;
    this.head = 0;
  }
}
