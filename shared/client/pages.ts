const PAGE_SIZE = 500;

interface Page<T> {
  readonly total: number;
  readonly items: readonly T[];
}

/** All items of a paged listing, one page at a time. */
export async function* readPages<T>(
  fetch: (page: { offset: number; limit: number }) => Promise<Page<T>>,
): AsyncGenerator<T> {
  for (let offset = 0; ; ) {
    const { total, items } = await fetch({ offset, limit: PAGE_SIZE });
    yield* items;
    offset += items.length;
    if (items.length === 0 || offset >= total) return;
  }
}
