/**
 * How many columns of a terminal a text takes. Built on the Unicode tables of the JavaScript engine: what is drawn
 * wide (Han, kana, Hangul, full-width forms, emoji) counts two, marks that join the character before count none.
 */
import { stripVTControlCharacters } from "node:util";

const plainAscii = /^[\x20-\x7e]*$/;
const wide =
  /^(?:\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|[\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|.*\ufe0f)/u;
const widthless = /^[\p{Mark}\p{Cf}\p{Cc}]+$/u;
/** Made when first needed: that takes 15 ms. */
let graphemes: Intl.Segmenter | undefined;

/** Columns of a text without colours and line breaks. */
export function displayWidth(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemesOf(text)) width += graphemeWidth(segment);
  return width;
}

/** The text, cut to so many columns; what was cut shows as `…` (or `~` without Unicode). */
export function truncate(text: string, columns: number, unicode = true): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "";
  let width = 0;
  for (const { segment } of graphemesOf(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}${unicode ? "…" : "~"}`;
}

/** Fills the text with spaces to so many columns. */
export function pad(text: string, columns: number, side: "left" | "right" = "left"): string {
  const spaces = " ".repeat(Math.max(0, columns - displayWidth(text)));
  return side === "left" ? text + spaces : spaces + text;
}

/** The text without escape sequences and control characters, so that it can't move the cursor. */
export function printable(text: string): string {
  if (plainAscii.test(text)) return text;
  return stripVTControlCharacters(text)
    .replaceAll("\t", "    ")
    .replace(/\p{Cc}/gu, "");
}

function graphemesOf(text: string): Intl.Segments {
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return graphemes.segment(text);
}

function graphemeWidth(grapheme: string): number {
  if (wide.test(grapheme)) return 2;
  return widthless.test(grapheme) ? 0 : 1;
}
