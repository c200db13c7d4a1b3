// Controls for options. Each has `element`, `get()` (undefined when not set), `set(value)`, `fault(path, text)`, which shows
// text where a path inside it leads and returns what to focus, and `clear()`.

import { fill, fresh, h, options } from './dom.js';

// A description, with what stands in backticks as code.
function prose(text) {
  return text.split('`').map((part, number) => (number % 2 ? h('code', null, part) : part));
}

// What stands in a control that is not set; the help has it in full.
const notSet = (field) => (field.fallback ? `default: ${field.fallback.split(' (')[0]}` : 'not set');

// What is below a control: its help, and what is wrong with it.
function notes(field) {
  const help = h('p', { class: 'help faint', id: fresh('help') }, prose(field.help));
  const fault = h('p', { class: 'fault', id: fresh('fault') });
  return { help, fault, describedby: `${help.id} ${fault.id}` };
}

function scalar(field, changed, label) {
  const { help, fault, describedby } = notes(field);
  const id = fresh('option');
  const common = { id, 'aria-describedby': describedby, 'aria-required': field.required ? 'true' : null };
  let input;
  let proposals = null;
  if (field.kind === 'boolean' || field.kind === 'choice') {
    const choices = field.kind === 'boolean' ? ['true', 'false'] : field.choices.map(({ value }) => value);
    input = h('select', common, options([['', notSet(field)], ...choices], ''));
  } else if (field.kind === 'json') {
    input = h('textarea', { ...common, rows: 3, spellcheck: 'false', class: 'mono' });
  } else {
    if (field.proposed?.length > 0) {
      proposals = h('datalist', { id: fresh('proposals') }, options(field.proposed, ''));
      common.list = proposals.id;
    }
    input = h('input', { ...common, type: field.kind === 'secret' ? 'password' : 'text', inputmode: field.kind === 'number' ? 'numeric' : null, placeholder: field.required ? field.range : notSet(field), autocomplete: field.kind === 'secret' ? 'new-password' : 'off', spellcheck: 'false', class: field.kind === 'number' ? null : 'wide' });
  }
  input.addEventListener('input', changed);
  const beside = [field.unit, field.range].filter(Boolean).join(' \u00b7 ');
  const element = h('div', { class: 'field' },
    h('label', { for: id }, label ?? field.name),
    h('div', { class: 'control' }, input, beside ? h('span', { class: 'unit faint' }, beside) : null, proposals),
    fault, help);

  function get() {
    const text = field.kind === 'secret' ? input.value : input.value.trim();
    if (text === '') return undefined;
    if (field.kind === 'boolean') return text === 'true';
    if (field.kind === 'number' && /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    if (field.kind === 'json') {
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    }
    // What is no number is for the router to refuse, in its own words.
    return text;
  }

  function set(value) {
    if (value === undefined || value === null) input.value = '';
    else input.value = field.kind === 'json' ? JSON.stringify(value, null, 1) : String(value);
  }

  return {
    element,
    get,
    set,
    fault(_, text) {
      fault.textContent = fault.textContent ? `${fault.textContent}\n${text}` : text;
      input.setAttribute('aria-invalid', 'true');
      return input;
    },
    clear() {
      fault.textContent = '';
      input.removeAttribute('aria-invalid');
    },
  };
}

function record(field, changed, label) {
  const members = new Map(field.fields.map((inner) => [inner.name, control(inner, changed)]));
  const { fault } = notes(field);
  const element = h('fieldset', { class: 'record', tabindex: -1 },
    h('legend', null, label ?? field.name), fault,
    h('div', { class: 'members' }, [...members.values()].map((member) => member.element)));
  return {
    element,
    get() {
      const found = [...members].map(([name, member]) => [name, member.get()]).filter(([, value]) => value !== undefined);
      return Object.fromEntries(found);
    },
    set(value) {
      for (const [name, member] of members) member.set(value?.[name]);
    },
    fault([name, ...rest], text) {
      const member = members.get(name);
      if (member) return member.fault(rest, text);
      fault.textContent = text;
      return element;
    },
    clear() {
      fault.textContent = '';
      members.forEach((member) => member.clear());
    },
  };
}

function list(field, changed) {
  const { help, fault, describedby } = notes(field);
  const place = h('ol', { class: 'items' });
  const add = h('button', { type: 'button', 'aria-label': `Add to ${field.name}` }, 'Add');
  const element = h('fieldset', { class: 'field list', 'aria-describedby': describedby, tabindex: -1 },
    h('legend', null, field.name), fault, help, place, add);
  let items = [];

  function arrange() {
    fill(place, items.map(({ line }) => line));
    items.forEach(({ line, up, name }, number) => {
      up.disabled = number === 0;
      name(number + 1);
      line.dataset.number = number;
    });
  }

  function append(value) {
    const inner = control(field.item, changed, `${field.name} entry`);
    inner.set(value);
    const up = h('button', { type: 'button', class: 'quiet' }, 'Up');
    const remove = h('button', { type: 'button', class: 'quiet' }, 'Remove');
    const item = { inner, up, line: h('li', null, inner.element, h('div', { class: 'acts' }, up, remove)) };
    const title = inner.element.querySelector('legend, label');
    item.name = (number) => {
      title.textContent = `${field.name} ${number}`;
      up.setAttribute('aria-label', `Move ${field.name} ${number} up`);
      remove.setAttribute('aria-label', `Remove ${field.name} ${number}`);
    };
    up.addEventListener('click', () => {
      const number = items.indexOf(item);
      [items[number - 1], items[number]] = [items[number], items[number - 1]];
      arrange();
      (up.disabled ? remove : up).focus();
      changed();
    });
    remove.addEventListener('click', () => {
      const number = items.indexOf(item);
      items.splice(number, 1);
      arrange();
      (items[number] ? items[number].line.querySelector('input, select, textarea') : add).focus();
      changed();
    });
    items.push(item);
    return item;
  }

  add.addEventListener('click', () => {
    const item = append(undefined);
    arrange();
    item.line.querySelector('input, select, textarea, button')?.focus();
    changed();
  });

  return {
    element,
    get() {
      const values = items.map(({ inner }) => inner.get() ?? '');
      return values.length > 0 ? values : undefined;
    },
    set(value) {
      items = [];
      // One may stand without its list.
      const values = value === undefined || value === null ? [] : [value].flat();
      values.forEach(append);
      arrange();
    },
    fault([number, ...rest], text) {
      const item = items[Number(number)];
      if (number !== undefined && item) return item.inner.fault(rest, text);
      fault.textContent = text;
      return element;
    },
    clear() {
      fault.textContent = '';
      items.forEach(({ inner }) => inner.clear());
    },
  };
}

// The control of an option. `changed` is called when the operator changes anything in it.
export function control(field, changed, label) {
  if (field.kind === 'list') return list(field, changed);
  if (field.kind === 'record') return record(field, changed, label);
  return scalar(field, changed, label);
}
