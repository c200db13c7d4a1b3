// The frame of the page: signing in, and which view is shown.

import * as banner from './banner.js';
import * as configure from './configure.js';
import * as feed from './feed.js';
import * as history from './history.js';
import * as interfaces from './interfaces.js';
import * as neighbors from './neighbors.js';
import * as rates from './rates.js';
import * as routes from './routes.js';
import * as signin from './signin.js';
import * as theme from './theme.js';
import * as topology from './topology.js';
import { post } from './api.js';
import { fill, say } from './dom.js';

// Each opens itself in an element, told the rest of its path, and returns what closes it.
const VIEWS = { topology, interfaces, neighbors, routes, configure, history };
const FIRST = 'topology';

const main = document.getElementById('view');
const nav = document.getElementById('views');
const signOut = document.getElementById('sign-out');
let close = null;
let inside = false;

function place() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, '').split('/');
  return Object.hasOwn(VIEWS, name) ? [name, rest.map(decodeURIComponent)] : [FIRST, []];
}

function show() {
  if (!inside) return;
  const [name, rest] = place();
  close?.();
  main.replaceChildren();
  for (const link of nav.querySelectorAll('a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  close = VIEWS[name].open(main, rest) ?? null;
  const heading = main.querySelector('h1');
  document.title = heading ? `${heading.textContent} - Waypost` : 'Waypost';
  return heading;
}

// The head of the page: which router, which revision, how it does.
function told(topic) {
  if (topic !== 'status') return;
  const { status } = feed.state;
  if (!status) return;
  say(document.getElementById('router'), status['router-id'] ?? '');
  const revision = status.revision ? `revision ${status.revision.number}` : 'not configured';
  say(document.getElementById('state'), `${status.daemon.phase}, ${revision}`);
}

async function enter() {
  inside = true;
  nav.hidden = false;
  signOut.hidden = false;
  await feed.start();
  show();
}

function leave(reason) {
  inside = false;
  feed.stop();
  close?.();
  close = null;
  nav.hidden = true;
  signOut.hidden = true;
  for (const id of ['state', 'router']) say(document.getElementById(id), '');
  fill(document.getElementById('banners'));
  document.title = 'Sign in - Waypost';
  signin.open(main, enter, reason);
}

theme.start(document.getElementById('theme'));
banner.start(document.getElementById('banners'));
rates.start();
feed.listen(told);
// A link to another view moves the focus there, as a new page would.
window.addEventListener('hashchange', () => {
  if (signin.token()) signin.start(enter, leave);
  else if (location.hash !== '#view') show()?.focus();
});
document.addEventListener('signed-out', () => {
  if (inside) leave('The session is over, or the daemon was started anew.');
});
signOut.addEventListener('click', async () => {
  await post('/session/end').catch(() => null);
  leave('');
});
signin.start(enter, leave);
