// One protocol on one interface: a form out of the protocol's own schema, with what it would do before it is done.

import { Refused, bare, get, post, words } from './api.js';
import { fill, h, heading, labelled, options, say } from './dom.js';
import { listen, refresh, state } from './feed.js';
import { control } from './fields.js';
import { count, natural } from './format.js';
import { join, split } from './path.js';
import { TRIALS, changes, summary } from './plan.js';
import { fields } from './schema.js';

const PAUSE = 300;

// The same text for the same value, whatever the order of its members.
function canonical(value) {
  return JSON.stringify(value, (_, of) => (of && typeof of === 'object' && !Array.isArray(of) ? Object.fromEntries(Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1))) : of));
}

export function open(main, [name, protocol]) {
  const interfaces = h('select');
  const protocols = h('select');
  const choose = () => {
    location.hash = `#/configure/${encodeURIComponent(interfaces.value)}/${encodeURIComponent(protocols.value)}`;
  };
  interfaces.addEventListener('change', choose);
  protocols.addEventListener('change', choose);
  const place = h('div');
  main.append(heading('Configure', h('div', { class: 'line' }, labelled('Interface', interfaces), labelled('Protocol', protocols))), place);

  let form = null;
  let closed = false;

  function begin() {
    const { interfaces: rows, protocols: known } = state.snapshot;
    const links = rows.map((row) => row.name).sort(natural);
    if (name && !links.includes(name)) links.push(name);
    const here = name ?? links.find((link) => link !== 'lo') ?? links[0];
    if (here === undefined) return void fill(place, h('p', { class: 'empty' }, 'The kernel has no interfaces here.'));
    // Where nothing is said, what runs on the interface is meant.
    const on = rows.find((row) => row.name === here)?.protocols ?? [];
    const names = known.filter((row) => row.title).map((row) => [row.name, row.title]);
    const which = protocol ?? on[0] ?? names[0]?.[0];
    fill(interfaces, options(links, here));
    fill(protocols, options(names, which));
    form = new Form(place, here, which, () => closed);
    form.load();
  }

  if (state.snapshot) begin();
  const end = listen((topic) => {
    if (topic === 'snapshot' && !form) begin();
    if (topic === 'status') form?.told();
  });
  return () => {
    closed = true;
    form?.close();
    end();
  };
}

class Form {
  constructor(place, name, protocol, closed) {
    Object.assign(this, { place, name, protocol, closed, path: ['interfaces', name, protocol], original: null, revision: 0, planned: null, asked: 0, timer: null, firstFault: null, controls: new Map() });
  }

  async load(done) {
    fill(this.place, h('p', { class: 'empty' }, 'Loading...'));
    try {
      const [schema, configuration, status] = await Promise.all([get('/v1/schema', { protocol: this.protocol }), get('/v1/config'), get('/v1/status')]);
      if (this.closed()) return;
      this.schema = schema;
      this.original = configuration.interfaces?.[this.name]?.[this.protocol] ?? null;
      this.revision = status.revision?.number ?? 0;
      this.build(done);
    } catch (error) {
      fill(this.place, h('p', { class: 'fault', role: 'alert' }, error.message));
    }
  }

  build(done) {
    const changed = () => this.changed();
    const options_ = fields(this.schema, this.schema.interface);
    this.controls = new Map(options_.map((field) => [field.name, control(field, changed)]));
    this.on = h('input', { type: 'checkbox', id: 'on' });
    this.on.checked = this.original !== null;
    this.on.addEventListener('change', () => {
      this.options.disabled = !this.on.checked;
      this.changed();
    });
    for (const [option, { set, element }] of this.controls) {
      set(this.original?.[option]);
      element.classList.toggle('given', this.original?.[option] !== undefined);
    }
    const runs = state.snapshot.protocols.find((row) => row.name === this.protocol)?.state === 'running';
    this.options = h('fieldset', { class: 'options', disabled: this.original === null }, h('legend', { class: 'away' }, `Options of ${this.protocol} on ${this.name}`), [...this.controls.values()].map(({ element }) => element));
    this.notice = h('div', { class: 'notice', role: 'status' });
    const element = h('form', { class: 'configure', novalidate: true },
      h('section', { class: 'card', 'aria-label': 'Options' },
        h('div', { class: 'line between' },
          h('label', { class: 'tick', for: 'on' }, this.on, h('strong', null, `${this.protocol} on ${this.name}`)),
          this.finder(options_)),
        runs ? null : h('p', { class: 'warn' }, `${this.protocol} is not running: what is set here waits until it is enabled.`),
        this.options),
      h('div', { class: 'side' }, this.notice, this.panel(done)));
    element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.apply();
    });
    fill(this.place, element);
    this.changed(true);
    this.result.querySelector('[tabindex]')?.focus();
  }

  // Which of the options are shown.
  finder(options_) {
    const search = h('input', { type: 'search', id: 'find', placeholder: 'all options', autocomplete: 'off', spellcheck: 'false' });
    const only = h('input', { type: 'checkbox', id: 'only' });
    const none = h('span', { class: 'faint', role: 'status' });
    const find = () => {
      const text = search.value.trim().toLowerCase();
      let found = 0;
      for (const field of options_) {
        const { element, get: value } = this.controls.get(field.name);
        const matches = `${field.name} ${field.help}`.toLowerCase().includes(text) && (!only.checked || value() !== undefined);
        element.hidden = !matches;
        found += matches ? 1 : 0;
      }
      say(none, found === 0 ? 'No such option' : '');
    };
    // Enter looks for nothing more than what was typed.
    search.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') event.preventDefault();
    });
    search.addEventListener('input', find);
    only.addEventListener('change', find);
    this.reveal = () => {
      search.value = '';
      only.checked = false;
      find();
    };
    return h('div', { class: 'line' }, none, labelled('Find', search), h('label', { class: 'tick', for: 'only' }, only, 'only what is set'));
  }

  panel(done) {
    this.says = h('p', { class: 'summary', role: 'status' });
    this.changes = h('div');
    this.faults = h('div', { class: 'fault', role: 'alert' });
    this.result = h('div', { class: 'result' }, done);
    this.trial = h('select', null, options(TRIALS, ''));
    this.note = h('input', { maxlength: 1000, autocomplete: 'off', placeholder: 'why' });
    this.act = h('button', { type: 'submit', class: 'main' }, 'Apply');
    this.reset = h('button', { type: 'button', on: { click: () => this.load() } }, 'Reset');
    this.terms = h('div', { class: 'terms' }, labelled('Apply', this.trial), labelled('Note for the history', this.note), h('div', { class: 'line' }, this.act, this.reset));
    return h('section', { class: 'card plan', 'aria-label': 'Plan' }, h('h2', null, 'What it would do'), this.result, this.says, this.faults, this.changes, this.terms);
  }

  edits() {
    const at = (option) => join(...this.path, option);
    if (!this.on.checked) return this.original === null ? [] : [{ unset: join(...this.path) }];
    const now = [...this.controls].map(([option, { get: value }]) => [option, value()]);
    if (this.original === null) {
      return [{ set: { path: join(...this.path), value: Object.fromEntries(now.filter(([, value]) => value !== undefined)) } }];
    }
    return now
      .filter(([option, value]) => canonical(value) !== canonical(this.original[option]))
      .map(([option, value]) => (value === undefined ? { unset: at(option) } : { set: { path: at(option), value } }));
  }

  changed(first) {
    clearTimeout(this.timer);
    if (!first) fill(this.result);
    this.timer = setTimeout(() => this.plan(), first ? 0 : PAUSE);
  }

  clear() {
    this.firstFault = null;
    fill(this.faults);
    this.controls.forEach((one) => one.clear());
  }

  // What is wrong, each where it is.
  refused(error) {
    this.clear();
    const found = [];
    const elsewhere = [];
    for (const refusal of error.refusals) {
      const parts = split(refusal.path ?? '');
      const mine = this.path.every((part, number) => part === parts[number]);
      const one = mine ? this.controls.get(parts[this.path.length]) : undefined;
      if (one) found.push(one.fault(parts.slice(this.path.length + 1), bare(refusal)));
      else elsewhere.push(words(refusal));
    }
    if (found.some((element) => element.closest('[hidden]'))) this.reveal();
    [this.firstFault] = found;
    fill(this.faults, elsewhere.map((text) => h('p', null, text)));
    const wrong = error.refusals.length;
    say(this.says, found.length > 0 ? `Refused: ${count(wrong, 'mistake', 'mistakes')}, marked where it is made.` : 'Refused.');
    fill(this.changes);
  }

  async plan() {
    const edits = this.edits();
    const key = canonical(edits);
    this.asked += 1;
    const mine = this.asked;
    this.act.disabled = edits.length === 0;
    this.reset.disabled = edits.length === 0;
    this.terms.hidden = edits.length === 0;
    if (edits.length === 0) {
      this.clear();
      this.planned = null;
      say(this.says, 'Nothing is changed yet. A change is planned as you type it; nothing happens before you apply it.');
      fill(this.changes);
      return;
    }
    try {
      const plan = await post('/v1/plan', { edits });
      if (mine !== this.asked || this.closed()) return;
      this.clear();
      say(this.says, summary(plan));
      fill(this.changes, changes(plan));
      this.planned = key;
    } catch (error) {
      if (mine !== this.asked || this.closed()) return;
      this.planned = null;
      if (error instanceof Refused) this.refused(error);
      else say(this.says, error.message);
    }
  }

  async apply() {
    const edits = this.edits();
    if (edits.length === 0) return;
    if (this.planned !== canonical(edits)) {
      clearTimeout(this.timer);
      await this.plan();
      // What nobody has read is not applied.
      this.firstFault?.focus();
      if (!this.firstFault && this.planned) say(this.says, `${this.says.textContent} Look at the plan, then apply it.`);
      return;
    }
    this.act.disabled = true;
    const before = this.revision;
    try {
      const done = await post('/v1/apply', { edits, revision: before, note: this.note.value || undefined, 'confirm-within': this.trial.value ? Number(this.trial.value) : undefined });
      await refresh();
      await this.load(this.applied(done, before));
    } catch (error) {
      this.act.disabled = false;
      if (!(error instanceof Refused)) {
        say(this.says, `${error.message}; it is not known whether the change was made`);
      } else if (error.status === 412) {
        fill(this.faults, h('p', null, error.message), h('button', { type: 'button', on: { click: () => this.load() } }, 'Load what is in force'));
      } else {
        this.refused(error);
        this.firstFault?.focus();
      }
    }
  }

  // What was done, and the way back.
  applied(done, before) {
    const what = done.trial ? `Revision ${done.revision} is in force, on trial.` : `Revision ${done.revision} is in force.`;
    const fault = h('p', { class: 'fault', role: 'alert' });
    const undo = h('button', { type: 'button' }, 'Undo');
    undo.addEventListener('click', async () => {
      undo.disabled = true;
      try {
        const undone = await post('/v1/rollback', done.trial ? {} : { revision: before });
        await refresh();
        await this.load(h('p', { class: 'good', tabindex: -1 }, `Undone: revision ${undone.revision} is in force.`));
      } catch (error) {
        undo.disabled = false;
        fault.textContent = error.message;
      }
    });
    return h('div', { class: 'done' },
      h('p', { class: 'good', tabindex: -1 }, done.changed ? what : 'Nothing changed.'),
      done.changed && (before > 0 || done.trial) ? undo : null, fault);
  }

  // Somebody else may have changed the configuration meanwhile.
  told() {
    const now = state.status?.revision;
    if (!this.notice || !now || now.number === this.revision) return void (this.notice && fill(this.notice));
    if (this.edits().length === 0) return void (this.result.contains(document.activeElement) ? null : this.load(this.result.firstElementChild));
    if (this.notice.dataset.number === String(now.number) && this.notice.firstChild) return;
    this.notice.dataset.number = now.number;
    fill(this.notice, h('div', { class: 'card warn' },
      h('p', null, `Revision ${now.number} by ${now.author} came into force since this form was opened.`),
      h('button', { type: 'button', on: { click: () => this.load() } }, 'Load it')));
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
  }
}
