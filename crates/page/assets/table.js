// Tables whose rows stay where they are while what is in them changes: no flicker, no lost focus.

import { h, say } from './dom.js';

// A column: `head`, and either `text(row)` or `node(row)`, made once for each row, with `refresh(node, row)` afterwards.
// `class` is of its cells, `tone(row)` a class that follows the row. `key(row)` tells rows apart.
export function table(caption, columns, key, empty) {
  const head = h('tr', { role: 'row' }, columns.map((column) => h('th', { scope: 'col', role: 'columnheader', class: column.class?.includes('number') ? 'number' : null }, column.head || h('span', { class: 'away' }, column.about ?? ''))));
  const body = h('tbody', { role: 'rowgroup' });
  const nothing = h('p', { class: 'empty' }, empty);
  const whole = h('table', { class: 'rows', role: 'table' },
    h('caption', { class: 'away' }, caption),
    h('thead', { role: 'rowgroup' }, head), body);
  const element = h('div', null, h('div', { class: 'scroll' }, whole), nothing);
  let known = new Map();

  function made(row) {
    const cells = columns.map((column) => {
      const cell = h('td', { role: 'cell', 'data-head': column.head });
      if (column.node) cell.append(column.node(row));
      return cell;
    });
    return { line: h('tr', { role: 'row' }, cells), cells };
  }

  function refresh({ cells }, row) {
    columns.forEach((column, number) => {
      const cell = cells[number];
      const name = [column.class, column.tone?.(row)].filter(Boolean).join(' ');
      if (column.text) say(cell, column.text(row));
      else column.refresh?.(cell.firstElementChild, row);
      const blank = cell.textContent === '' && !cell.firstElementChild ? ' blank' : '';
      if (cell.className !== name + blank) cell.className = name + blank;
    });
  }

  function update(rows) {
    const next = new Map();
    let before = body.firstElementChild;
    for (const row of rows) {
      const name = key(row);
      // Two rows of one key would be one line: the second is left out rather than drawn over the first.
      if (next.has(name)) continue;
      const entry = known.get(name) ?? made(row);
      refresh(entry, row);
      next.set(name, entry);
      if (entry.line === before) before = before.nextElementSibling;
      else body.insertBefore(entry.line, before);
    }
    for (const [name, entry] of known) if (!next.has(name)) entry.line.remove();
    known = next;
    whole.parentElement.hidden = rows.length === 0;
    nothing.hidden = rows.length > 0;
  }

  update([]);
  return { element, update };
}
