/** Whether a subject is one of those a pattern names: `*` is any one token, a final `>` any further ones. */
export function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (const [index, token] of pattern.entries()) {
    if (token === ">") return subject.length > index;
    if (index >= subject.length || (token !== "*" && token !== subject[index])) return false;
  }
  return pattern.length === subject.length;
}
