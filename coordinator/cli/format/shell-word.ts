/** The text as one word of a POSIX shell, so that a printed command can be pasted whatever the job is called. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./][A-Za-z0-9_@%+=:,./-]*$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
