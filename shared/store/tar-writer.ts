/**
 * Writes tar headers: POSIX ustar, with a pax header before an entry whose path, target or size does not fit. The
 * bytes depend on nothing but the entry, so that equal artifacts are equal tars with every version of everything.
 */

export interface TarHeader {
  readonly path: string;
  readonly type: "file" | "link" | "folder";
  readonly mode: number;
  readonly size: number;
  /** Of a link. */
  readonly target?: string;
}

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const MAX_OCTAL_SIZE = 8 ** 11 - 1;
const typeFlags = { file: "0", link: "2", folder: "5", pax: "x" } as const;

/** What ends a tar: two blocks of zeros. */
export const TAR_END: Uint8Array = Buffer.alloc(2 * BLOCK_BYTES);

/** What goes before an entry's content. */
export function tarHeader(header: TarHeader): Buffer {
  const { path, target = "", size } = header;
  const records = [];
  if (!fits(path)) records.push(paxRecord("path", path));
  if (!fits(target)) records.push(paxRecord("linkpath", target));
  if (size > MAX_OCTAL_SIZE) records.push(paxRecord("size", String(size)));
  const block = ustarBlock(typeFlags[header.type], {
    ...header,
    path: fits(path) ? path : "LongName",
    target: fits(target) ? target : "LongTarget",
    size: size > MAX_OCTAL_SIZE ? 0 : size,
  });
  if (records.length === 0) return block;
  const pax = Buffer.concat(records);
  const paxBlock = ustarBlock(typeFlags.pax, {
    path: "PaxHeader",
    target: "",
    mode: 0o644,
    size: pax.length,
  });
  return Buffer.concat([paxBlock, pax, tarPadding(pax.length), block]);
}

/** What goes after content of so many bytes. */
export function tarPadding(size: number): Uint8Array {
  return TAR_END.subarray(0, paddingOf(size));
}

function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Short, and the same in every character set. */
function fits(name: string): boolean {
  return name.length <= NAME_BYTES && Buffer.byteLength(name) === name.length;
}

interface UstarFields {
  readonly path: string;
  readonly target: string;
  readonly mode: number;
  readonly size: number;
}

/** Owner, group and time are zero. */
function ustarBlock(typeFlag: string, { path, target, mode, size }: UstarFields): Buffer {
  const block = Buffer.allocUnsafe(BLOCK_BYTES).fill(0);
  block.write(path, 0, "latin1");
  block.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, "latin1");
  block.write(`${octal(size, 11)}\0${octal(0, 11)}\0        ${typeFlag}`, 124, "latin1");
  block.write(target, 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** `<length of the record> <key>=<value>\n`, the length counting itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
