// Exchanging the token for a session.

import { Refused, bare, get, post } from './api.js';
import { fill, h, heading, labelled } from './dom.js';

// The token in the address, as `waypost page` prints it.
export function token() {
  return new URLSearchParams(location.hash.slice(1)).get('token');
}

// Signs in with the token of the address, or finds out that somebody has signed in already.
export async function start(enter, leave) {
  const given = token();
  // Not left where the history of the browser, or somebody looking on, has it.
  if (given) history.replaceState(null, '', `${location.pathname}#/topology`);
  try {
    await (given ? post('/session', { token: given }) : get('/session'));
    await enter();
  } catch (error) {
    const quiet = error instanceof Refused && error.status === 401 && !given;
    leave(quiet ? '' : said(error));
  }
}

function said(error) {
  return error instanceof Refused ? error.refusals.map(bare).join('\n') : error.message;
}

// Asks for the token.
export function open(main, enter, reason) {
  const input = h('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': 'token-help token-fault' });
  const fault = h('p', { id: 'token-fault', class: 'fault', role: 'alert' }, reason);
  const form = h('form', { class: 'card sign-in', novalidate: true },
    labelled('Token', input),
    h('p', { id: 'token-help', class: 'faint' }, 'On the router, ', h('code', null, 'waypost page'), ' prints the address of this page with the token in it.'),
    fault,
    h('button', { type: 'submit', class: 'main' }, 'Sign in'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    // The whole address may be pasted as well.
    const offered = input.value.trim().replace(/^.*#token=/, '');
    try {
      await post('/session', { token: offered });
      await enter();
    } catch (error) {
      fault.textContent = said(error);
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    }
  });
  fill(main, heading('Sign in'), form);
  input.focus();
}
