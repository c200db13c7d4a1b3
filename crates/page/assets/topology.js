// The network as a picture: an OSPF area, or what this router sees of its neighbours.

import { Refused, get } from './api.js';
import { fill, h, heading, labelled, options, svg } from './dom.js';
import { listen, state } from './feed.js';
import { layout } from './graph.js';
import { tone } from './neighbors.js';
import { table } from './table.js';

const GRAPH = '/v1/protocols/ospf/reports/graph';
const PERIOD = 5000;
const WIDE = 116;
const HIGH = 62;
const MARGIN = 70;
// More than this is no picture; the table has all of them.
const MOST = 400;

// An OSPF area: vertices, and one line for each pair of them with the cheapest cost each way.
export function area(report) {
  const own = report['router-id'];
  const vertices = report.vertices.map(({ kind, id, roles, distance }) => ({
    kind,
    name: id,
    own: kind === 'router' && id === own,
    note: [distance === null || distance === undefined ? 'not reached' : `distance ${distance}`, ...roles.map((role) => role.replaceAll('-', ' '))].join(', '),
    tone: distance === null || distance === undefined ? 'warn' : '',
  }));
  const lines = new Map();
  for (const { from, to, cost, shortest, virtual } of report.links) {
    const ends = from <= to ? [from, to] : [to, from];
    const line = lines.get(ends.join()) ?? { ends, costs: [null, null], shortest: false, virtual: false };
    const way = from <= to ? 0 : 1;
    if (cost !== null && cost !== undefined) line.costs[way] = Math.min(line.costs[way] ?? cost, cost);
    line.shortest ||= shortest;
    line.virtual ||= virtual;
    lines.set(ends.join(), line);
  }
  // A network itself costs nothing: only the way onto it is worth a number.
  const told = [...lines.values()].map((line) => {
    const costs = line.costs.map((cost, way) => (cost === 0 && vertices[line.ends[way]].kind === 'network' ? null : cost));
    return { ...line, costs };
  });
  return { vertices, lines: told };
}

// What this router sees: its interfaces' networks, and who is there.
export function surroundings(snapshot, name) {
  const vertices = [{ kind: 'router', name: name || 'this router', own: true, note: '', tone: '' }];
  const lines = [];
  for (const row of snapshot.interfaces) {
    const there = snapshot.neighbors.filter((neighbor) => neighbor.interface === row.name);
    if (row.name === 'lo' || (row.addresses.length === 0 && there.length === 0)) continue;
    const network = vertices.length;
    vertices.push({ kind: 'network', name: row.name, own: false, note: [row.state, ...row.addresses.slice(0, 1)].join(', '), tone: row.state === 'up' ? '' : 'bad', interface: row.name });
    lines.push({ ends: [0, network], costs: [null, null], shortest: there.length > 0, virtual: row.state !== 'up' });
    const seen = new Map();
    for (const neighbor of there) {
      const who = neighbor['router-id'] ?? neighbor.address;
      const words = `${neighbor.protocol}: ${neighbor.state}`;
      if (seen.has(neighbor.address)) {
        vertices[seen.get(neighbor.address)].note += `, ${words}`;
        continue;
      }
      seen.set(neighbor.address, vertices.length);
      lines.push({ ends: [network, vertices.length], costs: [null, null], shortest: tone(neighbor) === 'good', virtual: tone(neighbor) === 'warn' });
      vertices.push({ kind: 'router', name: who, own: false, note: words, tone: tone(neighbor) === 'warn' ? 'warn' : '' });
    }
  }
  return { vertices, lines };
}

const named = (vertex) => `${vertex.interface ? 'interface' : vertex.kind} ${vertex.name}`;

function costs({ costs: [there, back] }) {
  if (there === null && back === null) return '';
  if (there === back || back === null) return String(there);
  return there === null ? String(back) : `${there} / ${back}`;
}

// Where each name stands: the first of below, above and beside where it lies on no steep link and no other name; else below.
function labels(vertices, lines, places) {
  const taken = [];
  return vertices.map((vertex, number) => {
    const text = vertex.name.length > 18 ? `${vertex.name.slice(0, 17)}\u2026` : vertex.name;
    const { x, y } = places[number];
    const wide = text.length * 7.8;
    const steep = lines.filter(({ ends }) => ends.includes(number)).map(({ ends: [one, other] }) => {
      const far = places[one === number ? other : one];
      return (far.y - y) / Math.max(Math.hypot(far.x - x, far.y - y), 1);
    });
    const choices = [
      { x, y: y + 27, left: x - wide / 2, crossed: steep.some((way) => way > 0.7), class: 'name' },
      { x, y: y - 17, left: x - wide / 2, crossed: steep.some((way) => way < -0.7), class: 'name' },
      { x: x + 17, y: y + 4, left: x + 17, crossed: steep.some((way) => Math.abs(way) < 0.4), class: 'name beside-it' },
    ];
    const free = ({ left, y: base }) => taken.every((box) => left > box.left + box.wide || box.left > left + wide || Math.abs(base - box.y) > 17);
    const chosen = choices.find((choice) => !choice.crossed && free(choice)) ?? choices.find(free) ?? choices[0];
    taken.push({ left: chosen.left, wide, y: chosen.y });
    return { ...chosen, text, wide };
  });
}

// The picture itself. `room` is how wide it may be.
export function draw({ vertices, lines }, room) {
  const upright = room < 560;
  const link = vertices.length > 12 ? 105 : upright ? 95 : 165;
  const places = layout(vertices.length, lines.map(({ ends }) => ends), { link, wide: WIDE, high: HIGH, upright });
  const extent = (axis) => Math.max(...places.map((place) => place[axis])) - Math.min(...places.map((place) => place[axis]));
  // Where there are many, the whole width is for them.
  const stretch = Math.min(Math.max((room - 2 * MARGIN) / Math.max(extent('x'), 1), 1), 1.6);
  if (vertices.length > 12) places.forEach((place) => { place.x *= stretch; });
  const names = labels(vertices, lines, places);
  const left = Math.min(...places.map(({ x }) => x - MARGIN), ...names.map((name) => name.left - 10));
  const right = Math.max(...places.map(({ x }) => x + MARGIN), ...names.map((name) => name.left + name.wide + 10));
  const top = Math.min(...places.map(({ y }) => y)) - MARGIN / 2;
  const [wide, high] = [right - left, extent('y') + MARGIN * 1.1];
  // Shrunk a little rather than scrolled, and scrolled rather than made too small to read.
  const scale = Math.max(Math.min(1, room / wide), 0.72);
  const picture = svg('svg', { class: 'picture', role: 'img', 'aria-label': `A picture of ${vertices.length} vertices and ${lines.length} links; the table has the same in words`, viewBox: `${left} ${top} ${wide} ${high}`, width: Math.round(wide * scale), height: Math.round(high * scale) });
  for (const line of lines) {
    const [a, b] = line.ends.map((end) => places[end]);
    picture.append(svg('line', { class: ['link', line.shortest && 'shortest', line.virtual && 'virtual'].filter(Boolean).join(' '), x1: a.x, y1: a.y, x2: b.x, y2: b.y }));
  }
  for (const line of lines) {
    const [a, b] = line.ends.map((end) => places[end]);
    const [there, back] = line.costs;
    const told = there === back ? [[there, 0.5]] : [[there, 0.3], [back, 0.7]];
    for (const [cost, at] of told) {
      if (cost === null) continue;
      picture.append(svg('text', { class: 'cost', x: a.x + (b.x - a.x) * at, y: a.y + (b.y - a.y) * at + 4 }, cost));
    }
  }
  vertices.forEach((vertex, number) => {
    const { x, y } = places[number];
    const shape = vertex.kind === 'network'
      ? svg('rect', { x: x - 7, y: y - 7, width: 14, height: 14, rx: 2 })
      : svg('circle', { cx: x, cy: y, r: 11 });
    picture.append(svg('g', { class: ['vertex', vertex.kind, vertex.own && 'own', vertex.tone].filter(Boolean).join(' ') },
      svg('title', null, vertex.note ? `${named(vertex)}: ${vertex.note}` : named(vertex)),
      shape,
      svg('text', { class: names[number].class, x: names[number].x, y: names[number].y }, names[number].text)));
  });
  return picture;
}

function legend(ospf) {
  const sign = (name, shape, words) => h('li', null, svg('svg', { width: 26, height: 16, viewBox: '0 0 26 16', 'aria-hidden': 'true' }, svg('g', { class: name }, shape)), ` ${words}`);
  const line = (name) => svg('line', { class: name, x1: 1, y1: 8, x2: 25, y2: 8 });
  const signs = [
    sign('vertex router own', svg('circle', { cx: 13, cy: 8, r: 6 }), 'this router'),
    sign('vertex router', svg('circle', { cx: 13, cy: 8, r: 6 }), 'router'),
    sign('vertex network', svg('rect', { x: 8, y: 3, width: 10, height: 10, rx: 2 }), ospf ? 'network' : 'interface'),
  ];
  const links = ospf
    ? [sign('', line('link shortest'), 'on a shortest path, with its cost'), sign('', line('link'), 'another link'), sign('', line('link virtual'), 'virtual link')]
    : [sign('', line('link shortest'), 'a neighbour is heard'), sign('', line('link'), 'no neighbour'), sign('', line('link virtual'), 'down, or not there yet')];
  return h('ul', { class: 'legend', 'aria-label': 'Legend' }, signs, links);
}

export function open(main) {
  const choice = h('select');
  const canvas = h('div', { class: 'canvas', tabindex: 0, role: 'group', 'aria-label': 'Picture, which can be scrolled' });
  const keys = h('div');
  const fault = h('p', { class: 'fault', role: 'alert' });
  const vertices = table('Vertices', [
    { head: 'Name', text: (row) => row.name, class: 'mono' },
    { head: 'What it is', text: (row) => (row.own ? 'this router' : row.interface ? 'interface' : row.kind) },
    { head: 'More', text: (row) => row.note, class: 'faint' },
    { head: '', about: 'Configure', node: (row) => (row.interface ? h('a', { href: `#/configure/${encodeURIComponent(row.interface)}` }, `Configure ${row.interface}`) : document.createTextNode('')) },
  ], (row) => `${row.kind} ${row.name} ${row.number}`, 'Nothing is seen.');
  const links = table('Links', [
    { head: 'Between', text: (row) => row.between, class: 'mono' },
    { head: 'Cost (there / back)', text: costs, class: 'number' },
    { head: 'On a shortest path', text: (row) => (row.shortest ? 'yes' : '') },
  ], (row) => row.between, 'There are no links.');
  const linkCard = h('section', { class: 'card', 'aria-label': 'Links' }, h('h2', null, 'Links'), links.element);
  main.append(
    heading('Topology', labelled('Picture of', choice, { class: 'pair beside' })),
    h('section', { class: 'card', 'aria-label': 'Picture' }, fault, canvas, keys),
    linkCard,
    h('section', { class: 'card', 'aria-label': 'Vertices' }, h('h2', null, 'In words'), vertices.element));

  let areas = [];
  let chosen = null;
  let drawn = null;
  let timer = null;
  let closed = false;

  function show() {
    if (!state.snapshot) return;
    const names = [...areas.map((report) => [`area ${report.area}`, `OSPF area ${report.area}`]), ['neighbours', 'Neighbours of this router']];
    // As long as nobody has chosen, the whole area is worth more than the neighbours.
    if (!names.some(([name]) => name === chosen)) chosen = null;
    const name = chosen ?? names[0][0];
    if (choice.dataset.names !== JSON.stringify(names)) {
      choice.dataset.names = JSON.stringify(names);
      fill(choice, options(names, name));
    }
    choice.value = name;
    const report = areas.find((known) => `area ${known.area}` === name);
    const graph = report ? area(report) : surroundings(state.snapshot, state.status?.['router-id']);
    const key = JSON.stringify([name, graph, canvas.clientWidth]);
    if (key === drawn) return;
    drawn = key;
    if (graph.vertices.length > MOST) {
      fill(canvas, h('p', { class: 'empty' }, `${graph.vertices.length} vertices are more than a picture holds; the tables have them.`));
    } else {
      fill(canvas, draw(graph, canvas.clientWidth));
    }
    fill(keys, legend(Boolean(report)));
    vertices.update(graph.vertices.map((vertex, number) => ({ ...vertex, number })));
    linkCard.hidden = !report;
    links.update(graph.lines.map((line) => ({ ...line, between: line.ends.map((end) => graph.vertices[end].name).join(' - ') })));
  }

  async function look() {
    const runs = state.snapshot?.protocols.some(({ name, state: how }) => name === 'ospf' && how === 'running');
    try {
      const found = runs && !document.hidden ? await get(GRAPH) : runs ? areas : [];
      // An area of which nothing is known yet is no picture.
      areas = found.filter((report) => report.vertices.length > 1);
      fault.textContent = '';
    } catch (error) {
      if (error instanceof Refused && error.status !== 401) fault.textContent = error.message;
    }
    if (closed) return;
    show();
    clearTimeout(timer);
    timer = setTimeout(look, PERIOD);
  }

  choice.addEventListener('change', () => {
    chosen = choice.value;
    show();
  });
  const resized = new ResizeObserver(() => show());
  resized.observe(canvas);
  let first = state.snapshot === null;
  if (!first) look();
  const end = listen((topic) => {
    if (topic !== 'snapshot') return;
    // Changes come by the second; the areas are asked for at their own pace.
    if (first) look();
    else show();
    first = false;
  });
  return () => {
    closed = true;
    clearTimeout(timer);
    resized.disconnect();
    end();
  };
}
