// The state of the router, as it comes: by the event stream, and the status every few seconds.

import { Refused, get } from './api.js';

const STATUS_PERIOD = 3000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;

// `snapshot` and `counters` as the events have them, `status` as /v1/status, `lost` the time since when nobody answers.
export const state = { snapshot: null, counters: null, status: null, lost: null };

const listeners = new Set();
let source = null;
let timers = [];
let pause = FIRST_PAUSE;
let running = false;

// Calls `act` with the topic, `snapshot`, `counters`, `status` or `lost`, whenever it has changed. Returns what ends that.
export function listen(act) {
  listeners.add(act);
  return () => listeners.delete(act);
}

function changed(topic) {
  for (const act of [...listeners]) act(topic);
}

function later(act, time) {
  timers.push(setTimeout(act, time));
}

function found() {
  pause = FIRST_PAUSE;
  if (state.lost !== null) {
    state.lost = null;
    changed('lost');
  }
}

function missed() {
  if (state.lost === null) {
    state.lost = Date.now();
    changed('lost');
  }
}

function open() {
  if (!running) return;
  source = new EventSource('/v1/watch?counters=true');
  for (const topic of ['snapshot', 'counters']) {
    source.addEventListener(topic, (event) => {
      state[topic] = JSON.parse(event.data);
      found();
      changed(topic);
    });
  }
  source.addEventListener('error', () => {
    source.close();
    again();
  });
}

// After a while, the stream again: unless the session is over, of which the page is told by the question.
async function again() {
  if (!running) return;
  try {
    await get('/v1/status');
  } catch (error) {
    if (!(error instanceof Refused)) missed();
    if (error instanceof Refused && error.status === 401) return;
  }
  later(open, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

// Asks for the status now, as after a change.
export async function refresh() {
  try {
    state.status = await get('/v1/status');
    found();
    changed('status');
  } catch (error) {
    if (!(error instanceof Refused)) missed();
  }
}

async function statuses() {
  if (!running) return;
  if (!document.hidden || state.lost !== null) await refresh();
  later(statuses, STATUS_PERIOD);
}

export async function start() {
  if (running) return;
  running = true;
  await refresh();
  open();
  later(statuses, STATUS_PERIOD);
}

export function stop() {
  running = false;
  source?.close();
  timers.forEach(clearTimeout);
  timers = [];
  Object.assign(state, { snapshot: null, counters: null, status: null, lost: null });
}
