// Looks for what keeps people from using the page, and returns it in words. The body of a function.
const faults = [];
const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const told = (element) => `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ''}.${element.getAttribute('class') ?? ''} '${(element.textContent ?? '').trim().slice(0, 30)}'`;
const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);

// Names (WCAG 2.1, 1.3.1, 4.1.2).
const texts = (ids) => (ids ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('').trim();
const name = (element) => element.getAttribute('aria-label') || texts(element.getAttribute('aria-labelledby')) || [...(element.labels ?? [])].map((label) => label.textContent).join('').trim();
for (const control of all('input, select, textarea')) {
  if (!name(control)) faults.push(`no label: ${told(control)}`);
}
for (const element of all('button, a')) {
  if (!element.textContent.trim() && !name(element)) faults.push(`no name: ${told(element)}`);
}
for (const fieldset of all('fieldset')) {
  if (!fieldset.querySelector(':scope > legend')?.textContent.trim()) faults.push(`no legend: ${told(fieldset)}`);
}
for (const picture of all('svg')) {
  if (!picture.closest('[aria-hidden=true]') && !(picture.getAttribute('role') === 'img' && name(picture))) faults.push(`a picture without words: ${told(picture)}`);
}
for (const element of document.querySelectorAll('[aria-describedby]')) {
  for (const id of element.getAttribute('aria-describedby').split(' ')) {
    if (!document.getElementById(id)) faults.push(`described by nothing: ${told(element)} ${id}`);
  }
}
const seen = new Set();
for (const { id } of document.querySelectorAll('[id]')) {
  if (seen.has(id)) faults.push(`twice: #${id}`);
  seen.add(id);
}

// Structure (1.3.1, 2.4.1, 2.4.2, 3.1.1).
if (!document.documentElement.lang) faults.push('no language');
if (!document.title) faults.push('no title');
for (const [selector, many] of [['main', 1], ['h1', 1], ['header', 1], ['nav[aria-label]', 1], ['a.skip', 1]]) {
  if (document.querySelectorAll(selector).length !== many) faults.push(`not ${many} ${selector}`);
}
for (const table of all('table')) {
  if (!table.caption?.textContent) faults.push(`no caption: ${told(table)}`);
  if ([...table.querySelectorAll('th')].some((cell) => !cell.scope || !cell.textContent.trim())) faults.push(`a column without a head: ${told(table)}`);
}
let level = 0;
for (const heading of all('h1, h2, h3, h4')) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) faults.push(`a level is left out: ${told(heading)}`);
  level = own;
}

// Contrast (1.4.3, 1.4.11), computed.
const parts = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
const over = ([r, g, b, a = 1], below) => [r, g, b].map((part, place) => part * a + below[place] * (1 - a));
const luminance = (color) => {
  const [r, g, b] = color.map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (one, other) => {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
function ground(element) {
  const layers = [];
  for (let here = element; here; here = here.parentElement) {
    const color = parts(getComputedStyle(here).backgroundColor);
    layers.push(color);
    if ((color[3] ?? 1) === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !shown(element) || element.closest(':disabled, fieldset:disabled, option')) continue;
  const style = getComputedStyle(element);
  const color = parts(element instanceof SVGElement ? style.fill : style.color);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const below = ground(element);
  const found = ratio(over(color, below), below);
  if (found < (large ? 3 : 4.5)) faults.push(`contrast ${found.toFixed(2)}: ${told(element)}`);
}
for (const control of all('input:enabled, select:enabled, textarea:enabled')) {
  if (control.type === 'checkbox') continue;
  const found = ratio(parts(getComputedStyle(control).borderTopColor).slice(0, 3), ground(control.parentElement));
  if (found < 3) faults.push(`contrast of a border ${found.toFixed(2)}: ${told(control)}`);
}

// Size of what is pressed (2.5.8), but for links in sentences.
for (const element of all('button, a, select, input')) {
  if (element.closest('p, .skip') || element.classList.contains('skip')) continue;
  const target = element.type === 'checkbox' ? (element.labels[0] ?? element) : element;
  const { width, height } = target.getBoundingClientRect();
  if (height < 23.5 || width < 23.5) faults.push(`too small, ${Math.round(width)} by ${Math.round(height)}: ${told(element)}`);
}

// Nothing to be scrolled sideways but what says so (1.4.10).
if (document.documentElement.scrollWidth > document.documentElement.clientWidth) {
  const wide = [...document.querySelectorAll('main *')].find((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !element.closest('.scroll, .canvas, .diff, nav'));
  faults.push(`wider than the window: ${wide ? told(wide) : document.documentElement.scrollWidth}`);
}
return [...new Set(faults)].slice(0, 40);
