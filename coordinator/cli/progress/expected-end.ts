/** When a run is expected to end, as its leader says: an extra to what is shown, which waits for nobody. */
import type { Client } from "../../../shared/client/client.ts";
import type { RunProgress } from "./run-progress.ts";

const FIRST_MS = 1_000;
const EVERY_MS = 3_000;
const PATIENCE_MS = 2_000;

/** In milliseconds since the epoch; null when it can't be told, or not soon. */
export async function askExpectedEnd(client: Pick<Client, "run">, run: string): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PATIENCE_MS);
  });
  const asked = client.run(run, { forecast: true }).then(
    ({ expectedEndAt }) => (expectedEndAt === undefined ? null : Date.parse(expectedEndAt)),
    () => null,
  );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps it up to date in the progress, until what is given back is called. */
export function followExpectedEnd(client: Pick<Client, "run">, progress: RunProgress): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const askLater = (delayMs: number): void => {
    timer = setTimeout(() => void ask(), delayMs);
    timer.unref();
  };
  const ask = async (): Promise<void> => {
    progress.expectedEndAtMs = await askExpectedEnd(client, progress.run);
    if (!isOver) askLater(EVERY_MS);
  };
  askLater(FIRST_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
