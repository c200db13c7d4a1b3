// The routing table, a page at a time, and why packets go where they go.

import { Refused, bare, get } from './api.js';
import { fill, h, heading, labelled, options } from './dom.js';
import { explain, hops, installed } from './explain.js';
import { listen, state } from './feed.js';
import { count, span } from './format.js';
import { table } from './table.js';

const PAGE = 50;
const PERIOD = 3000;

export function open(main) {
  const search = h('input', { type: 'search', placeholder: 'any', spellcheck: 'false', autocomplete: 'off', 'aria-describedby': 'routes-help routes-fault' });
  const how = h('select', null, options([['within', 'inside the prefix'], ['prefix', 'longest match of']], 'within'));
  const owner = h('select', null, options([['', 'anybody']], ''));
  const fault = h('p', { id: 'routes-fault', class: 'fault', role: 'alert' });
  const why = h('section', { class: 'card explanation', 'aria-live': 'polite', 'aria-label': 'Explanation', tabindex: -1, hidden: true });
  const summary = h('p', { class: 'faint', role: 'status' });
  const back = h('button', { type: 'button', disabled: true }, 'Previous page');
  const next = h('button', { type: 'button', disabled: true }, 'Next page');
  const form = h('form', { class: 'line', role: 'search', 'aria-label': 'Search routes' },
    labelled('Address or prefix', search),
    labelled('Show', how),
    labelled('Of', owner),
    h('button', { type: 'submit', class: 'main' }, 'Search'),
    h('button', { type: 'button', on: { click: () => ask(search.value.trim()) } }, 'Explain'));

  function ask(destination) {
    why.hidden = false;
    explain(why, destination).then(() => why.focus());
  }

  const rows = table('Routes', [
    { head: 'Destination', text: (row) => row.prefix, class: 'mono strong' },
    { head: 'Owner', text: (row) => row.owner },
    { head: 'Preference', text: (row) => String(row.preference), class: 'number' },
    { head: 'Metric', text: (row) => String(row.metric), class: 'number' },
    { head: 'Next hops', text: hops, class: 'mono lines' },
    { head: 'Age', text: (row) => span(row['age-seconds']), class: 'number faint' },
    { head: 'State', text: (row) => [row.best ? 'best' : '', installed(row)].filter(Boolean).join(', ') || 'another is better', tone: (row) => (['no', 'shadowed'].includes(row.installed) ? 'bad' : row.best ? 'good' : 'faint') },
    { head: '', about: 'Why', node: (row) => h('button', { type: 'button', class: 'quiet', 'aria-label': `Explain ${row.prefix}`, on: { click: () => ask(row.prefix) } }, 'Why?') },
  ], (row) => `${row.prefix} ${row.owner} ${JSON.stringify(row['next-hops'])}`, 'No routes.');

  main.append(heading('Routes'),
    h('section', { class: 'card', 'aria-label': 'Search' }, form, h('p', { id: 'routes-help', class: 'faint help' }, 'Such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1'), fault),
    why,
    h('section', { class: 'card', 'aria-label': 'Routes' }, summary, rows.element, h('div', { class: 'line pages' }, back, next)));

  // The pages before this one, each by the prefix that it comes after.
  let before = [];
  let after = '';
  let following = null;
  let asked = { how: 'within', text: '', owner: '' };
  let timer = null;
  let asking = null;

  async function look() {
    clearTimeout(timer);
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    const parameters = asked.how === 'prefix' && asked.text
      ? { prefix: asked.text }
      : { within: asked.text, owner: asked.owner, after, limit: PAGE };
    try {
      const page = await get('/v1/routes', parameters, { signal: mine.signal });
      fault.textContent = '';
      search.removeAttribute('aria-invalid');
      following = page.next ?? null;
      rows.update(page.rows);
      const text = `Page ${before.length + 1}: ${count(page.rows.length, 'route', 'routes')}${following ? ', and more after it' : ''}`;
      if (summary.textContent !== text) summary.textContent = text;
      back.disabled = before.length === 0;
      next.disabled = following === null;
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused && error.status !== 401) {
        fault.textContent = error.refusals.map(bare).join('\n');
        search.setAttribute('aria-invalid', 'true');
        return;
      }
    }
    if (mine === asking) timer = setTimeout(() => (document.hidden ? null : look()), PERIOD);
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    asked = { how: how.value, text: search.value.trim(), owner: owner.value };
    before = [];
    after = '';
    await look();
    if (search.getAttribute('aria-invalid')) search.focus();
  });
  back.addEventListener('click', () => {
    after = before.pop() ?? '';
    look();
  });
  next.addEventListener('click', () => {
    before.push(after);
    after = following;
    look();
  });
  const owners = (topic) => {
    if (topic !== 'snapshot' || !state.snapshot) return;
    const names = ['connected', ...state.snapshot.protocols.filter(({ state: how }) => how === 'running').map(({ name }) => name)];
    if (owner.dataset.names === names.join()) return;
    owner.dataset.names = names.join();
    fill(owner, options([['', 'anybody'], ...names.map((name) => [name, name])], owner.value));
  };
  const visible = () => {
    if (!document.hidden) look();
  };
  document.addEventListener('visibilitychange', visible);
  owners('snapshot');
  look();
  const end = listen(owners);
  return () => {
    asking?.abort();
    asking = null;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', visible);
    end();
  };
}
