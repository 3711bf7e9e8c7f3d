export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** What the world looks like when the condition never came true; printed with the failure. */
  readonly diagnose?: () => unknown | Promise<unknown>;
}

/** Waits until the condition gives something truthy, and resolves with it; fails with a diagnosis after the limit. */
export async function waitUntil<T>(
  description: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 10_000, intervalMs = 10 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > deadline) {
      const diagnosis =
        options.diagnose === undefined ? "" : `\n${JSON.stringify(await options.diagnose(), null, 2)}`;
      throw new Error(`waited ${timeoutMs} ms in vain for: ${description}${diagnosis}`);
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
