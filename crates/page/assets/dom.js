// Elements out of data. Text is always a text node: whatever the router says stays text.

const SVG = 'http://www.w3.org/2000/svg';

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === 'on') {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  put(element, children);
  return element;
}

function put(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// An element with attributes, listeners under `on`, and children.
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

// Makes these the only children.
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, children);
  return element;
}

// Changes a text only if it is another one: nothing flickers, and nothing is read out twice.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let numbers = 0;

// An identifier that nothing else on the page has.
export function fresh(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}

// A label above a control, as a pair.
export function labelled(text, control, props) {
  control.id ||= fresh('control');
  return h('div', { class: 'pair', ...props }, h('label', { for: control.id }, text), control);
}

// A row of options; `choices` are texts, or pairs of value and text.
export function options(choices, chosen) {
  return choices.map((choice) => {
    const [value, text] = Array.isArray(choice) ? choice : [choice, choice];
    return h('option', { value, selected: value === chosen }, text);
  });
}

// The heading of a view, which gets the focus when the view is opened.
export function heading(text, ...beside) {
  return h('div', { class: 'head' }, h('h1', { tabindex: -1 }, text), beside);
}
