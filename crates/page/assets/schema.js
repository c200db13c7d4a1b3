// What may be configured, out of the JSON Schema that a protocol gives of its options.

const DEPTH = 8;

// Follows references and takes the one branch that is not null.
function resolved(root, schema) {
  let here = schema;
  let reference = '';
  for (let step = 0; step < DEPTH; step += 1) {
    if (here.$ref) {
      reference = here.$ref;
      here = root.$defs?.[here.$ref.replace('#/$defs/', '')] ?? {};
    } else if (here.anyOf) {
      const branches = here.anyOf.filter((branch) => branch.type !== 'null');
      if (branches.length !== 1) break;
      [here] = branches;
    } else {
      break;
    }
  }
  return { schema: here, reference };
}

const types = (schema) => [schema.type ?? []].flat().filter((type) => type !== 'null');

const UNITS = [
  [/^milliseconds\b/i, 'ms'],
  [/^(seconds\b|for how many seconds)/i, 's'],
  [/\bin octets\b/, 'octets'],
  [/^Hellos a second\b/, 'a second'],
];

// The range as the words have it, which are stricter than the type.
function range(schema, help) {
  const told = help.match(/-?\d+\.\.=-?\d+/);
  if (told) return told[0];
  const { minimum, maximum } = schema;
  return minimum !== undefined && maximum !== undefined && maximum < 4294967295 ? `${minimum}..=${maximum}` : '';
}

// What holds when an option is not set, from its description.
function fallback(help) {
  const place = help.lastIndexOf('Default');
  if (place < 0) return '';
  return help.slice(place + 'Default'.length).replace(/^:/, '').trim().replace(/\.$/, '').replaceAll('`', '');
}

function kind(root, schema, reference, name, depth) {
  if (schema.oneOf?.every((branch) => typeof branch.const === 'string')) {
    return { kind: 'choice', choices: schema.oneOf.map((branch) => ({ value: branch.const, help: branch.description ?? '' })) };
  }
  // A name, or a list of them.
  if (schema.anyOf?.some((branch) => types(branch).includes('array'))) {
    const list = schema.anyOf.find((branch) => types(branch).includes('array'));
    return depth < DEPTH ? { kind: 'list', item: field(root, name, list.items ?? {}, true, depth + 1) } : { kind: 'json' };
  }
  const [type, other] = types(schema);
  // Of several types, the text is the one that people write.
  if (type === 'string' || other === 'string') {
    if (reference.endsWith('Secret') || name === 'password' || name === 'secret') return { kind: 'secret' };
    return { kind: 'text', proposed: schema.enum ?? [], examples: schema.examples ?? [] };
  }
  if (type === 'boolean') return { kind: 'boolean' };
  if (type === 'integer' || type === 'number') return { kind: 'number' };
  if (type === 'array' && schema.items && depth < DEPTH) return { kind: 'list', item: field(root, name, schema.items, true, depth + 1) };
  if (type === 'object' && schema.properties && depth < DEPTH) return { kind: 'record', fields: fields(root, schema, depth + 1) };
  return { kind: 'json' };
}

function field(root, name, schema, required, depth) {
  const { schema: found, reference } = resolved(root, schema);
  const help = (schema.description ?? found.description ?? '').replaceAll('\n', ' ');
  const unit = UNITS.find(([pattern]) => pattern.test(help))?.[1] ?? '';
  const own = kind(root, found, reference, name, depth);
  return { name, help: own.kind === 'secret' && !schema.description ? '' : help, unit: own.kind === 'number' ? unit : '', range: own.kind === 'number' ? range(found, help) : '', fallback: fallback(help), required, ...own };
}

// The options of a table. Each has name, kind, help, unit, range, fallback (the default, in words) and whether it is required;
// a choice has choices, a list an item, a record fields.
export function fields(root, table, depth = 0) {
  const { schema } = resolved(root, table);
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, inner]) => field(root, name, inner, required.has(name), depth));
}
