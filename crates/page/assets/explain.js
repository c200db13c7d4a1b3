// Why packets go where they go.

import { Refused, bare, get } from './api.js';
import { fill, h } from './dom.js';
import { span } from './format.js';

const INSTALLED = { yes: 'in the kernel', no: 'refused by the kernel', shadowed: 'shadowed in the kernel', pending: 'on its way', 'not-wanted': '' };

export const installed = (row) => INSTALLED[row.installed] ?? row.installed;

// A next hop in words.
export function hop({ gateway, interface: name, recursive, weight }) {
  const share = weight > 1 ? ` (weight ${weight})` : '';
  if (recursive) {
    const through = recursive.through ? ` through ${recursive.through}` : ', which nothing leads to';
    return `${gateway} recursive${through}${share}`;
  }
  return `${gateway ?? 'on the link'} ${name ?? ''}${share}`;
}

export const hops = (row) => (row.kind === 'unicast' ? row['next-hops'].map(hop).join('\n') : row.kind);

function candidate(row) {
  return h('li', { class: row.best ? 'candidate best' : 'candidate' },
    h('div', { class: 'line' },
      h('strong', null, row.owner),
      h('span', { class: 'faint' }, `preference ${row.preference}, metric ${row.metric}`),
      h('span', { class: 'mono lines' }, hops(row)),
      row.best ? h('span', { class: 'pill good' }, 'best') : null,
      installed(row) ? h('span', { class: row.installed === 'yes' ? 'pill good' : 'pill warn' }, installed(row)) : null,
      h('span', { class: 'faint' }, `for ${span(row['age-seconds'])}`)),
    row.reason ? h('p', { class: 'faint' }, row.reason) : null);
}

function answer(found) {
  const kernel = found.kernel;
  return [
    h('p', { class: 'verdict' }, found.verdict),
    found.rows.length > 0 ? h('ul', { class: 'candidates' }, found.rows.map(candidate)) : null,
    (found.inactive ?? []).map((row) => h('p', { class: 'warn' }, `${row.owner} has ${row.prefix} ${row.via.join(', ')}, which is not in use: ${row.reason}`)),
    found['covered-by'].length > 0 ? h('p', { class: 'faint' }, `Without it: ${found['covered-by'].join(', ')}`) : null,
    kernel ? h('p', null, 'The kernel: ', h('code', null, kernel.text), kernel.ours ? '' : h('span', { class: 'warn' }, ' (not a route of Waypost)')) : null,
  ];
}

// Asks, and shows the answer in `place`, a live region.
export async function explain(place, destination) {
  fill(place, h('p', { class: 'faint' }, `Asking about ${destination}...`));
  try {
    const found = await get('/v1/explain', { destination });
    fill(place, h('h2', null, `Why packets to ${destination} go where they go`), answer(found));
  } catch (error) {
    const said = error instanceof Refused ? error.refusals.map(bare).join('\n') : error.message;
    fill(place, h('p', { class: 'fault' }, said));
  }
}
