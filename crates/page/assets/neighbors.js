// The neighbours of all protocols.

import { h, heading } from './dom.js';
import { listen, state } from './feed.js';
import { natural, span, value } from './format.js';
import { table } from './table.js';

const KNOWN = new Set(['protocol', 'interface', 'address', 'state', 'router-id']);
const GOOD = new Set(['full', 'active', 'up', 'two-way', '2-way', 'heard']);
const BAD = new Set(['down', 'init', 'silent', 'ex-start', 'exchange', 'loading', 'attempt']);

export function tone(neighbor) {
  const word = neighbor.state.toLowerCase();
  if (GOOD.has(word)) return 'good';
  return BAD.has(word) ? 'warn' : '';
}

// What says nothing: no value, none counted, not so, nobody.
const SILENT = new Set(['', '0', 'false', '0.0.0.0', 'null']);

// Whatever else the protocol says, how long it has been so first.
function more(neighbor) {
  const told = Object.entries(neighbor)
    .filter(([name, of]) => !KNOWN.has(name) && !SILENT.has(String(of)))
    .sort(([a], [b]) => Number(b.startsWith('uptime')) - Number(a.startsWith('uptime')));
  return told.map(([name, of]) => {
    const plain = name.replace(/-(seconds|ms)$/, '').replaceAll('-', ' ');
    if (name.endsWith('-seconds') && typeof of === 'number') return `${plain} ${span(of)}`;
    if (name.endsWith('-ms') && typeof of === 'number') return `${plain} ${of} ms`;
    return of === true ? plain : `${plain} ${value(of)}`;
  }).join(' · ');
}

export function open(main) {
  const rows = table('Neighbours', [
    { head: 'Address', text: (row) => row.address, class: 'mono' },
    { head: 'Router', text: (row) => row['router-id'] ?? '', class: 'mono' },
    { head: 'Protocol', text: (row) => row.protocol },
    { head: 'Interface', text: (row) => row.interface, class: 'mono' },
    { head: 'State', node: () => h('span'), refresh: (node, row) => { node.className = `pill ${tone(row)}`; if (node.textContent !== row.state) node.textContent = row.state; } },
    { head: 'What it says', text: more, class: 'faint small' },
  ], (row) => `${row.protocol} ${row.interface} ${row.address}`, 'No neighbours. A protocol finds them on the interfaces it is configured on.');
  main.append(heading('Neighbours'), h('section', { class: 'card', 'aria-label': 'Neighbours' }, rows.element));
  const update = (topic) => {
    if (topic !== 'snapshot' || !state.snapshot) return;
    rows.update([...state.snapshot.neighbors].sort((a, b) => natural(a.interface, b.interface) || natural(a.address, b.address)));
  };
  update('snapshot');
  return listen(update);
}
