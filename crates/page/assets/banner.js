// What an operator must know in every view: that the daemon does not answer, and that a change is on trial.

import { Refused, post } from './api.js';
import { fill, h, say } from './dom.js';
import { listen, refresh, state } from './feed.js';
import { clock, moment } from './format.js';

function lost() {
  return h('div', { class: 'banner bad', role: 'alert' },
    h('span', null, `The daemon has not answered since ${moment(state.lost / 1000).slice(11)}. What is shown is how things were then; forwarding goes on in the kernel. Trying again...`));
}

// A change on trial, with the time that is left.
function trial() {
  const left = h('strong', { class: 'mono' });
  const fault = h('span', { class: 'fault', role: 'alert' });
  const { 'back-to': back, until } = state.status.trial;
  const number = state.status.revision?.number;
  const act = (path, body) => async () => {
    try {
      await post(path, body);
      await refresh();
    } catch (error) {
      say(fault, error instanceof Refused ? error.message : 'the daemon does not answer');
    }
  };
  const back_to = back === undefined ? 'the time before it' : `revision ${back}`;
  const element = h('div', { class: 'banner warn', role: 'region', 'aria-label': 'Change on trial' },
    h('span', { role: 'status' }, `Revision ${number} is on trial: back to ${back_to} unless it is kept.`),
    h('span', null, h('span', { 'aria-hidden': 'true' }, 'Time left ', left)),
    fault,
    h('span', { class: 'acts' },
      h('button', { type: 'button', on: { click: act('/v1/confirm', { revision: number }) } }, 'Keep it'),
      h('button', { type: 'button', on: { click: act('/v1/rollback', {}) } }, 'Take it back')));
  const key = `${number} ${until}`;
  return { key, element, tick: () => say(left, clock(Math.max(0, Math.round(ends - Date.now() / 1000)))) };
}

let shown = null;
// By the clock of this machine, which need not be the router's.
let ends = 0;

export function start(place) {
  const top = h('div');
  const below = h('div');
  const update = (topic) => {
    // The frame empties its place when somebody signs out.
    if (!place.contains(top)) fill(place, top, below);
    if (topic === 'lost') fill(top, state.lost === null ? null : lost());
    if (topic !== 'status') return;
    const on = state.status?.trial;
    if (on) ends = Date.now() / 1000 + on['seconds-left'];
    const key = on ? `${state.status.revision?.number} ${on.until}` : null;
    if (key !== (shown?.key ?? null)) {
      shown = on ? trial() : null;
      fill(below, shown?.element);
    }
    shown?.tick();
  };
  listen(update);
  setInterval(() => shown?.tick(), 1000);
}
