/** Syntax errors of YAML in words that say what was expected. */

const needsQuotes = 'a value that contains ": " or begins with one of @ ` % & * ! | > needs quotes';

/** What the YAML parser stopped at, with what was expected where it does not say so itself. */
export function explainSyntaxError(reason: string, isAtEnd: boolean): string {
  if (isAtEnd && isUnclosed(reason)) return "the file ends, but a quote, [ or { is not closed";
  switch (reason) {
    case "bad indentation of a mapping entry":
      return `expected "key: value", indented like its neighbours; ${needsQuotes}`;
    case "bad indentation of a sequence entry":
      return `expected "- item", indented like its neighbours; ${needsQuotes}`;
    case "end of the stream or a document separator is expected":
      return `expected the end of the file or a key, indented like the others; ${needsQuotes}`;
    case "deficient indentation":
      return "expected more indentation, or a quote, [ or { further up is not closed";
    case "tab characters must not be used in indentation":
      return "expected spaces: a tab must not indent anything";
    case "null byte is not allowed in input":
      return "the file must not contain a NUL character";
    default:
      return `not valid YAML: ${reason}`;
  }
}

function isUnclosed(reason: string): boolean {
  return reason === "deficient indentation" || reason.startsWith("unexpected end of the stream within");
}
