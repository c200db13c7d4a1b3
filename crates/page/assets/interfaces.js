// The interfaces with what goes through them.

import { h, heading, svg } from './dom.js';
import { listen, state } from './feed.js';
import { bits, natural, octets } from './format.js';
import * as rates from './rates.js';
import { table } from './table.js';

const WIDE = 90;
const HIGH = 26;

function tone(interface_) {
  if (interface_.state === 'up') return 'good';
  return interface_.state === 'disabled' || interface_.state === 'absent' ? 'warn' : 'bad';
}

// The last minute as two lines, the newest at the right.
function curve() {
  return svg('svg', { class: 'curve', width: WIDE, height: HIGH, viewBox: `0 0 ${WIDE} ${HIGH}`, 'aria-hidden': 'true' },
    svg('path', { class: 'rx' }), svg('path', { class: 'tx' }));
}

function draw(picture, name) {
  const seen = rates.of(name);
  const most = Math.max(125, ...seen.flatMap(({ rx, tx }) => [rx, tx]));
  for (const way of ['rx', 'tx']) {
    const points = seen.map((rate, number) => {
      const x = WIDE - (seen.length - 1 - number) * (WIDE / 59);
      const y = HIGH - 2 - (rate[way] / most) * (HIGH - 4);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    picture.querySelector(`.${way}`).setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '');
  }
}

const rate = (name, way) => {
  const last = rates.of(name).at(-1);
  return last ? bits(last[way] * 8) : '';
};

const total = (row, way) => {
  const counters = state.counters?.interfaces[row.name];
  return counters ? octets(counters[`${way}-octets`]) : '';
};

function lost(row) {
  const counters = state.counters?.interfaces[row.name];
  if (!counters) return '';
  return String(counters['rx-errors'] + counters['rx-dropped'] + counters['tx-errors'] + counters['tx-dropped']);
}

// Where each protocol is configured; those that are on the interface stand out.
function protocols(row) {
  const running = state.snapshot.protocols.filter(({ name, state: how }) => how === 'running' || row.protocols.includes(name));
  return running.map(({ name }) => {
    const on = row.protocols.includes(name);
    return h('a', {
      class: on ? 'pill link on' : 'pill link',
      href: `#/configure/${encodeURIComponent(row.name)}/${name}`,
      'aria-label': `${name} on ${row.name}: ${on ? 'configure' : 'not configured'}`,
    }, on ? name : `+ ${name}`);
  });
}

function links(node, row) {
  const key = JSON.stringify([row.protocols, state.snapshot.protocols.map(({ name, state: how }) => [name, how])]);
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  node.replaceChildren(...protocols(row).flatMap((link) => [link, ' ']));
}

export function open(main) {
  const rows = table('Interfaces', [
    { head: 'Name', text: (row) => row.name, class: 'mono strong' },
    { head: 'State', node: () => h('span'), refresh: (node, row) => { node.className = `pill ${tone(row)}`; if (node.textContent !== row.state) node.textContent = row.state; } },
    { head: 'Addresses', text: (row) => row.addresses.join('\n'), class: 'mono lines' },
    { head: 'Protocols', node: () => h('span', { class: 'links' }), refresh: links, class: 'broad' },
    { head: 'Receiving', text: (row) => rate(row.name, 'rx'), class: 'number rate rx' },
    { head: 'Sending', text: (row) => rate(row.name, 'tx'), class: 'number rate tx' },
    { head: '', about: 'Last minute', node: curve, refresh: (node, row) => draw(node, row.name), class: 'wide' },
    { head: 'Received', text: (row) => total(row, 'rx'), class: 'number' },
    { head: 'Sent', text: (row) => total(row, 'tx'), class: 'number' },
    { head: 'Lost', text: lost, class: 'number', tone: (row) => (Number(lost(row)) > 0 ? 'warn' : 'faint') },
    { head: 'Trouble', text: (row) => row.troubles.join('\n'), class: 'lines bad' },
  ], (row) => row.name, 'The kernel has no interfaces here.');
  main.append(heading('Interfaces'), h('section', { class: 'card', 'aria-label': 'Interfaces' }, rows.element));
  const update = (topic) => {
    if ((topic !== 'snapshot' && topic !== 'counters') || !state.snapshot) return;
    const any = state.snapshot.interfaces.some((row) => row.troubles.length > 0);
    main.classList.toggle('untroubled', !any);
    rows.update([...state.snapshot.interfaces].sort((a, b) => natural(a.name, b.name)));
  };
  update('snapshot');
  const end = listen(update);
  return () => {
    main.classList.remove('untroubled');
    end();
  };
}
