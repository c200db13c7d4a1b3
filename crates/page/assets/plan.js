// What a change would do, or did.

import { h } from './dom.js';
import { count, value } from './format.js';

const WORDS = {
  live: 'live',
  'restarts-interface': 'restarts the interface',
  'leaves-interface': 'leaves the interface',
  'restarts-protocol': 'restarts the protocol',
  unknown: 'not known beforehand',
  'stops-protocol': 'stops the protocol',
};

function impact(of) {
  if (typeof of === 'string') return WORDS[of] ?? of;
  const who = of['resets-neighbours']?.neighbours ?? [];
  return who.length > 0 ? `resets ${who.join(', ')}` : 'resets neighbours';
}

function tone(of) {
  if (of === 'live') return 'good';
  return of === 'stops-protocol' || of === 'leaves-interface' ? 'bad' : 'warn';
}

// One sentence about a plan, to be read out.
export function summary(plan) {
  if (plan.changes.length === 0) return 'Nothing would change.';
  const hard = [...new Set(plan.changes.filter((change) => change.impact !== 'live').map((change) => impact(change.impact)))];
  const told = hard.length === 0 ? 'live, no neighbour is reset' : hard.join('; ');
  return `${count(plan.changes.length, 'change', 'changes')}: ${told}.`;
}

// Every change: from what to what, with which impact and why.
export function changes(plan) {
  return [
    h('ul', { class: 'changes' }, plan.changes.map((change) => h('li', null,
      h('div', { class: 'path mono' }, change.path),
      h('div', { class: 'mono' }, h('del', null, value(change.old)), ' \u2192 ', h('ins', null, value(change.new))),
      h('div', null, h('span', { class: `pill ${tone(change.impact)}` }, impact(change.impact)), ' ', h('span', { class: 'faint' }, change.reason))))),
    (plan.notes ?? []).map((note) => h('p', { class: 'warn' }, note)),
  ];
}

// How long a change may be on trial.
export const TRIALS = [['', 'for good'], ['60', 'on trial for 1 minute'], ['300', 'on trial for 5 minutes'], ['3600', 'on trial for 1 hour']];
