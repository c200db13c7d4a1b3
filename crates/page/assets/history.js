// The revisions of the configuration: what each changed, and the way back.

import { get, post } from './api.js';
import { fill, h, heading, labelled, options } from './dom.js';
import { listen, refresh, state } from './feed.js';
import { moment } from './format.js';
import { TRIALS, changes, summary } from './plan.js';

const MOST = 200;

// A unified diff, its lines told apart by sign and colour.
function diff(text) {
  if (!text) return h('p', { class: 'faint' }, 'No difference.');
  const lines = text.replace(/\n$/, '').split('\n').map((line) => {
    const kind = line.startsWith('+') ? 'more' : line.startsWith('-') ? 'less' : line.startsWith('@') ? 'place' : '';
    return h('span', { class: kind }, `${line}\n`);
  });
  return h('pre', { class: 'diff', tabindex: 0, 'aria-label': 'Differences' }, lines);
}

export function open(main) {
  const list = h('ol', { class: 'revisions' });
  const nothing = h('p', { class: 'empty', hidden: true }, 'Nothing was configured yet.');
  main.append(heading('History'), h('section', { class: 'card', 'aria-label': 'Revisions' }, list, nothing));
  let shown = null;

  async function difference(row, place, button) {
    const open_ = button.getAttribute('aria-expanded') === 'true';
    button.setAttribute('aria-expanded', String(!open_));
    if (open_) return void fill(place);
    try {
      const found = await post('/v1/diff', { 'from-revision': row.number - 1, revision: row.number });
      fill(place, diff(found.text));
    } catch (error) {
      fill(place, h('p', { class: 'fault' }, error.message));
    }
  }

  // First what it would do.
  async function back(row, place) {
    const close = () => fill(place);
    try {
      const plan = await post('/v1/rollback', { revision: row.number, plan: true });
      const trial = h('select', null, options(TRIALS, ''));
      const note = h('input', { maxlength: 1000 });
      const fault = h('p', { class: 'fault', role: 'alert' });
      const act = h('button', { type: 'button', class: 'main', disabled: plan.changes.length === 0 }, `Return to revision ${row.number}`);
      act.addEventListener('click', async () => {
        act.disabled = true;
        const terms = { revision: row.number, note: note.value || undefined, 'confirm-within': trial.value ? Number(trial.value) : undefined };
        try {
          const done = await post('/v1/rollback', terms);
          fill(place, h('p', { class: 'good', role: 'status' }, `Revision ${done.revision} is in force.`));
          await refresh();
        } catch (error) {
          fault.textContent = error.message;
          act.disabled = false;
        }
      });
      const head = h('h3', { tabindex: -1 }, `Returning to revision ${row.number}: ${summary(plan)}`);
      fill(place, h('div', { class: 'inner' }, head, changes(plan),
        h('div', { class: 'line' }, labelled('Apply', trial), labelled('Note', note), act, h('button', { type: 'button', on: { click: close } }, 'Leave it')), fault));
      head.focus();
    } catch (error) {
      fill(place, h('p', { class: 'fault', role: 'alert' }, error.message));
    }
  }

  function revision(row, current) {
    const below = h('div');
    const way = h('div');
    const show = h('button', { type: 'button', class: 'quiet', 'aria-expanded': 'false', 'aria-label': `Changes of revision ${row.number}` }, 'Changes');
    show.addEventListener('click', () => difference(row, below, show));
    return h('li', { class: row.number === current ? 'current' : null },
      h('div', { class: 'line' },
        h('strong', { class: 'mono' }, row.number),
        h('span', { class: 'when' }, moment(row.time)),
        h('span', null, row.author),
        row.number === current ? h('span', { class: state.status?.trial ? 'pill warn' : 'pill good' }, state.status?.trial ? 'on trial' : 'in force') : null,
        h('span', { class: 'note faint' }, row.note || (row['rollback-of'] ? `back to revision ${row['rollback-of']}` : '')),
        h('span', { class: 'acts' }, show,
          row.number === current ? null : h('button', { type: 'button', class: 'quiet', 'aria-label': `Return to revision ${row.number}`, on: { click: () => back(row, way) } }, 'Return to it'))),
      below, way);
  }

  async function look(topic) {
    if (topic !== 'status' || !state.status) return;
    const current = state.status.revision?.number;
    const key = `${current} ${Boolean(state.status.trial)}`;
    if (key === shown) return;
    shown = key;
    const rows = await get('/v1/revisions', { limit: MOST }).catch(() => null);
    if (!rows) {
      shown = null;
      return;
    }
    nothing.hidden = rows.length > 0;
    // What is open stays open, where its row is the same.
    const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
    const items = rows.map((row) => {
      const name = `${row.number} ${row.number === current} ${row.number === current && Boolean(state.status.trial)}`;
      const item = old.get(name) ?? revision(row, current);
      item.dataset.key = name;
      return item;
    });
    list.replaceChildren(...items);
  }

  look('status');
  return listen(look);
}
