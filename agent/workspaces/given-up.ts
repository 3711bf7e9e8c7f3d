/** Waiting that somebody may give up. */

/** What the promise comes to, or the signal's reason as soon as that is given up; the promise itself goes on. */
export function unlessGivenUp<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    const done = () => signal.removeEventListener("abort", giveUp);
    signal.addEventListener("abort", giveUp);
    promise.then(resolve, reject).finally(done);
    if (signal.aborted) giveUp();
  });
}
