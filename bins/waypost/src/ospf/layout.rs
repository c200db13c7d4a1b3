//! Places for the vertices of a graph, so that those far from each other in it are far from each other in the picture.
//!
//! Each pair of vertices wants to be as far apart as there are links between them, pairs that are near more so. From places on
//! a spiral, every vertex moves in turn to where all others want it (stress majorization).

/// A place in the plane; links want to be 1 long.
pub(super) type Place = (f64, f64);

/// How often every vertex moves.
const ROUNDS: usize = 200;

/// Places for `count` vertices with these links. The same graph always has the same places.
pub(super) fn places(count: usize, links: &[(usize, usize)]) -> Vec<Place> {
    let mut near = vec![Vec::new(); count];
    for (a, b) in links {
        if let Some(of) = near.get_mut(*a) {
            of.push(*b);
        }
        if let Some(of) = near.get_mut(*b) {
            of.push(*a);
        }
    }
    let apart: Vec<Vec<f64>> = (0..count).map(|from| steps(from, &near)).collect();
    // The golden angle keeps any few of them from lying on a line.
    let spiral = |place: usize| {
        let (angle, radius) = (place as f64 * 2.399_963, (place as f64).sqrt());
        (radius * angle.cos(), radius * angle.sin())
    };
    let mut places: Vec<Place> = (0..count).map(spiral).collect();
    for _ in 0..ROUNDS {
        for vertex in 0..count {
            let (mut sum, mut weights) = ((0.0, 0.0), 0.0);
            let Some(here) = places.get(vertex).copied() else {
                continue;
            };
            for (other, there) in places.iter().enumerate().filter(|(other, _)| *other != vertex) {
                let wanted = apart
                    .get(vertex)
                    .and_then(|row| row.get(other))
                    .copied()
                    .unwrap_or(1.0);
                let (dx, dy) = (here.0 - there.0, here.1 - there.1);
                let far = dx.hypot(dy).max(1e-9);
                let weight = 1.0 / (wanted * wanted);
                sum.0 += weight * (there.0 + dx / far * wanted);
                sum.1 += weight * (there.1 + dy / far * wanted);
                weights += weight;
            }
            if weights > 0.0
                && let Some(place) = places.get_mut(vertex)
            {
                *place = (sum.0 / weights, sum.1 / weights);
            }
        }
    }
    places
}

/// How many links away every vertex is; what cannot be reached is a little farther than the farthest.
fn steps(from: usize, near: &[Vec<usize>]) -> Vec<f64> {
    let mut steps = vec![None; near.len()];
    let mut edge = vec![from];
    let mut far = 0_usize;
    while !edge.is_empty() {
        let mut next = Vec::new();
        for vertex in edge {
            let Some(step) = steps.get_mut(vertex).filter(|step| step.is_none()) else {
                continue;
            };
            *step = Some(far);
            next.extend(near.get(vertex).into_iter().flatten().copied());
        }
        edge = next;
        far += 1;
    }
    steps
        .into_iter()
        .map(|step| step.unwrap_or(far + 1) as f64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: Place, b: Place) -> f64 {
        (a.0 - b.0).hypot(a.1 - b.1)
    }

    #[test]
    fn a_line_is_drawn_as_a_line() {
        let places = places(5, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
        for (one, other) in places.iter().zip(places.iter().skip(1)) {
            assert!((distance(*one, *other) - 1.0).abs() < 0.05, "{places:?}");
        }
        assert!((distance(places[0], places[4]) - 4.0).abs() < 0.1, "{places:?}");
    }

    #[test]
    fn a_square_has_four_sides_and_two_diagonals() {
        let places = places(4, &[(0, 1), (1, 2), (2, 3), (3, 0)]);
        let (side, diagonal) = (distance(places[0], places[1]), distance(places[0], places[2]));
        assert!((diagonal / side - 2.0_f64.sqrt()).abs() < 0.05, "{places:?}");
    }

    #[test]
    fn pieces_that_hang_together_with_nothing_are_still_somewhere() {
        let places = places(4, &[(0, 1), (2, 3), (3, 9)]);
        assert!(places.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
        assert!(distance(places[0], places[2]) > 1.0);
        assert!(super::places(0, &[]).is_empty());
        assert_eq!(super::places(1, &[(0, 0)]).len(), 1);
    }
}
