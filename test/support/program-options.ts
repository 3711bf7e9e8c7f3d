import { z } from "zod";

/** What a program of the tests, such as `npm run bench`, is asked for; or, where it has been said all, its exit status. */
export function programOptions<T extends { readonly help: boolean }>(
  read: () => T,
  usage: string,
): { readonly options: T } | { readonly status: number } {
  try {
    const options = read();
    if (!options.help) return { options };
    process.stdout.write(`${usage}\n`);
    return { status: 0 };
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    process.stdout.write(`${problem}\n\n${usage}\n`);
    return { status: 2 };
  }
}
