/** A JSON Schema as zod makes it, as far as compatibility looks at it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

/**
 * What one version may write that another one would refuse, as paths with the reason; none when every message of the
 * writer is one for the reader. Both are schemas of the same message.
 */
export function refusals(writer: JsonSchema, reader: JsonSchema, path = ""): string[] {
  const ways = alternatives(reader);
  return alternatives(writer).flatMap((said) => {
    const verdicts = ways.map((understood) => refusalsOfOne(said, understood, path));
    if (verdicts.some((verdict) => verdict.length === 0)) return [];
    // Most telling is what is wrong with the alternative of the same tag, or, without one, that there is none.
    const sameTag = ways.findIndex((understood) => tag(understood) === tag(said));
    return verdicts[sameTag] ?? [`${path}: ${tag(said)} is not known`];
  });
}

function refusalsOfOne(writer: JsonSchema, reader: JsonSchema, path: string): string[] {
  if (Object.keys(reader).length === 0) return [];
  if (writer.type !== reader.type && !(writer.type === "integer" && reader.type === "number")) {
    return [`${path}: ${writer.type} instead of ${reader.type}`];
  }
  const values = valuesOf(writer);
  const known = valuesOf(reader);
  if (known !== undefined) {
    const unknown = values === undefined ? ["anything"] : values.filter((value) => !known.includes(value));
    if (unknown.length > 0) return [`${path}: ${JSON.stringify(unknown)} is not known`];
  }
  return [
    ...boundRefusals(writer, reader, path),
    ...propertyRefusals(writer, reader, path),
    ...itemRefusals(writer, reader, path),
  ];
}

function propertyRefusals(writer: JsonSchema, reader: JsonSchema, path: string): string[] {
  const said = writer.properties ?? {};
  const understood = reader.properties ?? {};
  const missing = (reader.required ?? []).filter((name) => !writer.required?.includes(name));
  const unknown = reader.additionalProperties === false ? Object.keys(said) : [];
  return [
    ...missing.map((name) => `${path}.${name}: may be missing`),
    ...unknown.filter((name) => !(name in understood)).map((name) => `${path}.${name}: is not expected`),
    ...Object.entries(said).flatMap(([name, schema]) =>
      understood[name] === undefined ? [] : refusals(schema, understood[name], `${path}.${name}`),
    ),
  ];
}

function itemRefusals(writer: JsonSchema, reader: JsonSchema, path: string): string[] {
  const own = writer.items === undefined || reader.items === undefined ? [] : [[writer.items, reader.items]];
  const fixed = (writer.prefixItems ?? []).map((item, index) => [item, reader.prefixItems?.[index] ?? {}]);
  return [...own, ...fixed].flatMap(([said = {}, understood = {}]) =>
    refusals(said, understood, `${path}[]`),
  );
}

function boundRefusals(writer: JsonSchema, reader: JsonSchema, path: string): string[] {
  const isBelow = (reader.minimum ?? -Infinity) > (writer.minimum ?? -Infinity);
  const isAbove = (reader.maximum ?? Infinity) < (writer.maximum ?? Infinity);
  const isShort = (reader.minLength ?? 0) > (writer.minLength ?? 0);
  const isLong = (reader.maxLength ?? Infinity) < (writer.maxLength ?? Infinity);
  const isOther = reader.pattern !== undefined && reader.pattern !== writer.pattern && !valuesOf(writer);
  return isBelow || isAbove || isShort || isLong || isOther ? [`${path}: passes a bound`] : [];
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const ways = schema.anyOf ?? schema.oneOf;
  if (ways !== undefined) return ways.flatMap(alternatives);
  return typeof schema.type === "object" ? schema.type.map((type) => ({ ...schema, type })) : [schema];
}

function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  return schema.const === undefined ? schema.enum : [schema.const];
}

/** What tells the alternatives of a union apart: its kind or type, or else what it is made of. */
function tag({ type, properties = {} }: JsonSchema): string {
  const name = properties.kind?.const ?? properties.type?.const;
  return name === undefined ? `${type} of ${Object.keys(properties)[0] ?? ""}` : JSON.stringify(name);
}
