/** SHA-256 of what goes into artifacts of packages and of what comes out, in lower-case hexadecimal. */
import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Of a text, as provenances have it of scripts. */
export function digestOfText(text: string): string {
  return hash("sha256", text);
}

/** Of a file's bytes, which are not held. */
export async function digestOfFile(path: string): Promise<string> {
  const sha256 = createHash("sha256");
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) sha256.update(piece);
  return sha256.digest("hex");
}
