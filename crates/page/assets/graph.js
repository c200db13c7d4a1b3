// Places for the vertices of a graph. The same graph always gets the same picture.
//
// Each pair of vertices wants to be as far apart as there are links between them, near pairs more so: from places on a spiral
// every vertex moves in turn to where all others want it (stress majorization). Then the picture is turned so that its longest
// way lies along the wider side, made as large as its labels need, and what still overlaps is pushed apart.

const ROUNDS = 200;
const GOLDEN = 2.399963;

// How many links away every vertex is; what cannot be reached is a little farther than the farthest.
function steps(from, near) {
  const found = new Array(near.length).fill(null);
  let edge = [from];
  let far = 0;
  while (edge.length > 0) {
    const next = [];
    for (const vertex of edge) {
      if (found[vertex] !== null) continue;
      found[vertex] = far;
      next.push(...near[vertex]);
    }
    edge = next;
    far += 1;
  }
  return found.map((step) => step ?? far + 1);
}

function majorized(count, links) {
  const near = Array.from({ length: count }, () => []);
  for (const [a, b] of links) {
    near[a].push(b);
    near[b].push(a);
  }
  const apart = near.map((_, from) => steps(from, near));
  const places = near.map((_, n) => ({ x: Math.sqrt(n) * Math.cos(n * GOLDEN), y: Math.sqrt(n) * Math.sin(n * GOLDEN) }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let one = 0; one < count; one += 1) {
      let [x, y, weights] = [0, 0, 0];
      for (let other = 0; other < count; other += 1) {
        if (other === one) continue;
        const wanted = apart[one][other];
        const [dx, dy] = [places[one].x - places[other].x, places[one].y - places[other].y];
        const far = Math.max(Math.hypot(dx, dy), 1e-9);
        const weight = 1 / (wanted * wanted);
        x += weight * (places[other].x + (dx / far) * wanted);
        y += weight * (places[other].y + (dy / far) * wanted);
        weights += weight;
      }
      if (weights > 0) places[one] = { x: x / weights, y: y / weights };
    }
  }
  return places;
}

// Turns the picture so that it is widest (or, upright, highest), with the first vertex at the left or on top.
function turned(places, upright) {
  const middle = (axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length;
  const [mx, my] = [middle('x'), middle('y')];
  let [xx, xy, yy] = [0, 0, 0];
  for (const { x, y } of places) {
    xx += (x - mx) ** 2;
    xy += (x - mx) * (y - my);
    yy += (y - my) ** 2;
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2 - (upright ? Math.PI / 2 : 0);
  const [cos, sin] = [Math.cos(-angle), Math.sin(-angle)];
  const found = places.map(({ x, y }) => ({ x: (x - mx) * cos - (y - my) * sin, y: (x - mx) * sin + (y - my) * cos }));
  const flip = (upright ? found[0].y : found[0].x) > 0;
  return flip ? found.map(({ x, y }) => ({ x: -x, y: -y })) : found;
}

// Pushes apart what is nearer than `wide` and `high`, along the way that takes least.
function separated(places, wide, high) {
  for (let round = 0; round < 100; round += 1) {
    let moved = false;
    for (let one = 0; one < places.length; one += 1) {
      for (let other = one + 1; other < places.length; other += 1) {
        const [a, b] = [places[one], places[other]];
        const [dx, dy] = [b.x - a.x, b.y - a.y];
        const [over, under] = [wide - Math.abs(dx), high - Math.abs(dy)];
        if (over <= 0.01 || under <= 0.01) continue;
        moved = true;
        if (over / wide < under / high) {
          const push = (over / 2) * (dx < 0 ? -1 : 1);
          a.x -= push;
          b.x += push;
        } else {
          const push = (under / 2) * (dy < 0 ? -1 : 1);
          a.y -= push;
          b.y += push;
        }
      }
    }
    if (!moved) break;
  }
  return places;
}

// Places in pixels for `count` vertices with these links (pairs of numbers), each with room of `wide` by `high` for its label.
export function layout(count, links, { link, wide, high, upright }) {
  if (count === 0) return [];
  if (count === 1) return [{ x: 0, y: 0 }];
  const places = turned(majorized(count, links), upright);
  return separated(places.map(({ x, y }) => ({ x: x * link, y: y * link })), wide, high);
}
