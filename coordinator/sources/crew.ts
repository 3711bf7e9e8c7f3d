/** Works through a list, so many at a time. The first failure stops the taking of more, and is thrown once all rest. */
export async function inCrew<T, R>(
  size: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const pending = items.entries();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of pending) {
      if (hasFailed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(size, items.length) }, worker));
  const failure = workers.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  return results;
}
