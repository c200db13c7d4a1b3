// Questions to the router.

// The router said no: `refusals` have path, value, allowed and reason.
export class Refused extends Error {
  constructor(status, refusals) {
    super(refusals.map(words).join('\n'));
    this.status = status;
    this.refusals = refusals;
  }
}

// Nobody answers.
export class Unreachable extends Error {}

// A refusal in one line, in the words of the router.
export function words(refusal) {
  const where = refusal.path ? `${refusal.path}: ` : '';
  return where + bare(refusal);
}

// The same without its path, for where that is clear.
export function bare(refusal) {
  const value = refusal.value === undefined || refusal.value === null ? '' : `: ${refusal.value}`;
  const allowed = refusal.allowed ? ` (allowed: ${refusal.allowed})` : '';
  return `${refusal.reason}${value}${allowed}`;
}

async function ask(path, init) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', credentials: 'same-origin', ...init });
  } catch {
    throw new Unreachable('the daemon does not answer');
  }
  const body = response.headers.get('content-type') === 'application/json' ? await response.json().catch(() => null) : null;
  if (response.ok) return body;
  if (response.status === 401 && path !== '/session') document.dispatchEvent(new Event('signed-out'));
  throw new Refused(response.status, body?.refusals ?? [{ reason: `status ${response.status}` }]);
}

// What is at a path, with parameters; those without a value are left out.
export function get(path, parameters = {}, init = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
  const query = new URLSearchParams(given).toString();
  return ask(query ? `${path}?${query}` : path, init);
}

export function post(path, body = {}, init = {}) {
  const headers = { 'content-type': 'application/json' };
  return ask(path, { method: 'POST', headers, body: JSON.stringify(body), ...init });
}
