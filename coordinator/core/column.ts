/**
 * Columns: a list of plain values of much the same shape, taken apart by its fields, so that JSON repeats neither the
 * names of the fields nor what most values have in common. The jobs of a run, their attempts and results are such lists.
 *
 * Invariant: what JSON makes of `columnOf(values)` and back, `valuesOf` turns into what JSON makes of `values`.
 * Loops are plain ones: a run has millions of values, and its coordinator waits for them.
 */
type Scalar = string | number | boolean | null;
type PlainObject = { readonly [key: string]: Value };
type Value = Scalar | readonly Value[] | PlainObject;

export type Column =
  /** Scalars as they are. */
  | { readonly list: readonly Scalar[] }
  /** The same scalar each time. */
  | { readonly all: Scalar; readonly count: number }
  /** Scalars of which few differ: these, and which of them each one is. */
  | { readonly of: readonly Scalar[]; readonly at: readonly number[] }
  /** Lists: how long each is, and the items of all of them. */
  | { readonly lengths: readonly number[]; readonly items: Column }
  /** Objects of the same keys in the same order: a column for each key. */
  | { readonly keys: readonly string[]; readonly fields: readonly Column[]; readonly count: number }
  /** Values of several kinds: a column for each kind, and which kind each value is of. */
  | { readonly kinds: readonly Column[]; readonly at: readonly number[] };

/** `T` if it is made of scalars, lists and objects alone; what is not plain in it becomes `never`. */
export type Plain<T> = T extends Scalar
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | ArrayBufferView
      ? never
      : { readonly [K in keyof T]: Plain<T[K]> };

/** Takes the values apart. */
export function columnOf<T>(values: readonly Plain<T>[]): Column {
  return takeApart(values as readonly Value[]);
}

/** Puts the values together again, each its own copy. */
export function valuesOf(column: Column): unknown[] {
  return putTogether(column);
}

/** Values of one kind: scalars, lists, or objects of the same keys. */
type Kind =
  | { readonly form: "scalars"; readonly values: Scalar[] }
  | { readonly form: "lists"; readonly values: (readonly Value[])[] }
  | { readonly form: "objects"; readonly keys: readonly string[]; readonly values: PlainObject[] };

function takeApart(values: readonly Value[]): Column {
  const kinds: Kind[] = [];
  const at: number[] = [];
  for (const value of values) {
    let index: number;
    if (typeof value !== "object" || value === null) {
      index = kinds.findIndex(({ form }) => form === "scalars");
      if (index === -1) index = kinds.push({ form: "scalars", values: [] }) - 1;
    } else if (isList(value)) {
      index = kinds.findIndex(({ form }) => form === "lists");
      if (index === -1) index = kinds.push({ form: "lists", values: [] }) - 1;
    } else {
      const keys = Object.keys(value);
      index = kinds.findIndex((kind) => kind.form === "objects" && isSame(kind.keys, keys));
      if (index === -1) index = kinds.push({ form: "objects", keys, values: [] }) - 1;
    }
    const ofKind: Value[] | undefined = kinds[index]?.values;
    ofKind?.push(value);
    at.push(index);
  }
  const [first] = kinds;
  if (first === undefined) return { list: [] };
  return kinds.length === 1 ? kindColumn(first) : { kinds: kinds.map(kindColumn), at };
}

function kindColumn(kind: Kind): Column {
  switch (kind.form) {
    case "scalars":
      return scalarColumn(kind.values);
    case "lists":
      return { lengths: kind.values.map((list) => list.length), items: takeApart(kind.values.flat()) };
    case "objects": {
      const { keys, values } = kind;
      const fields = keys.map((key) => takeApart(values.map((object) => object[key] ?? null)));
      return { keys, fields, count: values.length };
    }
  }
}

/** At most one in so many scalars may be a different one for these to be listed apart. */
const REPEATS = 4;

function scalarColumn(values: readonly Scalar[]): Column {
  const positions = new Map<Scalar, number>();
  const at: number[] = [];
  for (const value of values) {
    let position = positions.get(value);
    if (position === undefined) {
      position = positions.size;
      if (position > 0 && position * REPEATS >= values.length) return { list: values };
      positions.set(value, position);
    }
    at.push(position);
  }
  const of = [...positions.keys()];
  const [only] = of;
  return of.length === 1 && only !== undefined ? { all: only, count: values.length } : { of, at };
}

function putTogether(column: Column): Value[] {
  if ("list" in column) return [...column.list];
  if ("all" in column) return new Array<Value>(column.count).fill(column.all);
  if ("of" in column) return column.at.map((position) => column.of[position] ?? null);
  if ("lengths" in column) return listsOf(column.lengths, putTogether(column.items));
  if ("keys" in column) return objectsOf(column.keys, column.fields.map(putTogether), column.count);
  const kinds = column.kinds.map(putTogether);
  const taken = kinds.map(() => 0);
  return column.at.map((kind) => {
    const next = taken[kind] ?? 0;
    taken[kind] = next + 1;
    return kinds[kind]?.[next] ?? null;
  });
}

function listsOf(lengths: readonly number[], items: readonly Value[]): Value[] {
  let end = 0;
  return lengths.map((length) => {
    end += length;
    return items.slice(end - length, end);
  });
}

function objectsOf(keys: readonly string[], fields: readonly (readonly Value[])[], count: number): Value[] {
  // Copies of one object share its layout in memory; and a key `__proto__` is one like others.
  const template: Record<string, Value> = Object.fromEntries(keys.map((key) => [key, null]));
  const objects: Value[] = [];
  for (let index = 0; index < count; index++) {
    const object = { ...template };
    for (let position = 0; position < keys.length; position++) {
      object[keys[position] as string] = fields[position]?.[index] ?? null;
    }
    objects.push(object);
  }
  return objects;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isSame(keys: readonly string[], others: readonly string[]): boolean {
  if (keys.length !== others.length) return false;
  for (let position = 0; position < keys.length; position++) {
    if (keys[position] !== others[position]) return false;
  }
  return true;
}
