// Draws what a terminal shows as SVG: node draw-terminal.mjs CAPTURE... > picture.svg
//
// Each capture is a screen as `tmux capture-pane -e -p` prints it; they are drawn below one another. `run.svg` was made
// of two captures of one run of examples/argon2/build.yaml, in a terminal of 96 columns.
import { readFileSync } from "node:fs";

const columns = 96;
const character = { width: 8.4, height: 19, fontSize: 14 };
const margin = 16;
const colours = new Map([
  ["31", "#f47067"],
  ["32", "#57ab5a"],
  ["33", "#c69026"],
  ["36", "#39c5cf"],
]);
const plain = { fill: "#d1d7e0", weight: "normal", opacity: 1 };

/** The style after an escape sequence such as `1;32`. */
function restyled(style, codes) {
  let next = style;
  for (const code of codes.split(";")) {
    if (code === "0" || code === "") next = plain;
    else if (code === "1") next = { ...next, weight: "bold" };
    else if (code === "2") next = { ...next, opacity: 0.6 };
    else if (code === "39") next = { ...next, fill: plain.fill };
    else if (colours.has(code)) next = { ...next, fill: colours.get(code) };
  }
  return next;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** The line as text elements, each at the column where its style begins. */
function drawnLine(line, row, style) {
  const y = margin + (row + 0.75) * character.height;
  let column = 0;
  let svg = "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told colours
  for (const [, codes, text] of line.matchAll(/\u001b\[([\d;]*)m|([^\u001b]+)/g)) {
    if (text === undefined) {
      style = restyled(style, codes);
      continue;
    }
    const indent = text.length - text.trimStart().length;
    const { fill, weight, opacity } = style;
    if (indent < text.length) {
      const x = (margin + (column + indent) * character.width).toFixed(1);
      const length = (text.trim().length * character.width).toFixed(1);
      svg += `<text x="${x}" y="${y}" textLength="${length}" fill="${fill}" font-weight="${weight}" opacity="${opacity}">${escaped(text.trim()).replaceAll(" ", "\u00a0")}</text>\n`;
    }
    column += [...text].length;
  }
  return { svg, style };
}

const lines = process.argv.slice(2).flatMap((file, index) => {
  const screen = readFileSync(file, "utf8").trimEnd().split("\n");
  return index === 0 ? screen : ["", ...screen];
});
const width = Math.round(columns * character.width) + 2 * margin;
const height = lines.length * character.height + 2 * margin;
let style = plain;
let body = "";
lines.forEach((line, row) => {
  if (line === "") style = plain; // another capture begins
  const drawn = drawnLine(line, row, style);
  body += drawn.svg;
  style = drawn.style;
});
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${character.fontSize}">
<title>A terminal</title>
<rect width="100%" height="100%" rx="8" fill="#22272e"/>
${body}</svg>
`,
);
