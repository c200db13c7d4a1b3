// What goes through the interfaces: rates, out of the counters that come every second.

import { listen, state } from './feed.js';

const KEPT = 60;
const series = new Map();

// The last minute of an interface, oldest first: octets a second, received and sent.
export function of(name) {
  return series.get(name)?.rates ?? [];
}

function take() {
  const now = performance.now();
  const counted = state.counters.interfaces;
  for (const name of series.keys()) {
    if (!Object.hasOwn(counted, name)) series.delete(name);
  }
  for (const [name, counters] of Object.entries(counted)) {
    const known = series.get(name);
    const rates = known?.rates ?? [];
    const seconds = known ? (now - known.time) / 1000 : 0;
    // An interface that was made anew begins at zero again.
    if (seconds > 0.2 && counters['rx-octets'] >= known.rx && counters['tx-octets'] >= known.tx) {
      rates.push({ rx: (counters['rx-octets'] - known.rx) / seconds, tx: (counters['tx-octets'] - known.tx) / seconds });
      if (rates.length > KEPT) rates.shift();
    }
    series.set(name, { time: now, rx: counters['rx-octets'], tx: counters['tx-octets'], rates });
  }
}

export function start() {
  listen((topic) => {
    if (topic === 'counters') take();
    if (topic === 'lost') series.clear();
  });
}
