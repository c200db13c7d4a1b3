//! Shapes of networks.

use waypost_types::Random;

/// Routers, numbered from 0, and links, each a list of the routers on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// What it is, for people.
    pub name: String,
    /// How many routers there are.
    pub routers: usize,
    /// The links: two routers on a line, more on a LAN.
    pub links: Vec<Vec<usize>>,
}

impl Topology {
    /// Every router is joined to two others.
    #[must_use]
    pub fn ring(routers: usize) -> Self {
        Self {
            name: format!("ring of {routers}"),
            routers,
            links: (0..routers)
                .map(|router| vec![router, (router + 1) % routers])
                .collect(),
        }
    }

    /// Router 0 is joined to every other one.
    #[must_use]
    pub fn star(routers: usize) -> Self {
        Self {
            name: format!("star of {routers}"),
            routers,
            links: (1..routers).map(|router| vec![0, router]).collect(),
        }
    }

    /// Rows and columns.
    #[must_use]
    pub fn grid(width: usize, height: usize) -> Self {
        let at = |x: usize, y: usize| y * width + x;
        let mut links = Vec::new();
        for y in 0..height {
            for x in 0..width {
                if x + 1 < width {
                    links.push(vec![at(x, y), at(x + 1, y)]);
                }
                if y + 1 < height {
                    links.push(vec![at(x, y), at(x, y + 1)]);
                }
            }
        }
        Self {
            name: format!("grid of {width} by {height}"),
            routers: width * height,
            links,
        }
    }

    /// A connected graph of lines: a random tree, and as many more lines as give the mean degree, in tenths.
    #[must_use]
    pub fn random(routers: usize, mean_degree_tenths: usize, random: &mut Random) -> Self {
        let mut links: Vec<Vec<usize>> = (1..routers)
            .map(|router| vec![pick(random, router), router])
            .collect();
        let wanted = routers * mean_degree_tenths / 20;
        // Small graphs run out of pairs: the number of attempts is bounded.
        for _ in 0..wanted * 20 {
            if links.len() >= wanted {
                break;
            }
            let (a, b) = (pick(random, routers), pick(random, routers));
            let link = vec![a.min(b), a.max(b)];
            if a != b && !links.contains(&link) {
                links.push(link);
            }
        }
        Self {
            name: format!(
                "random graph of {routers}, mean degree {}.{}",
                mean_degree_tenths / 10,
                mean_degree_tenths % 10
            ),
            routers,
            links,
        }
    }

    /// LANs of 3 to 5 routers, joined by routers that are on two of them.
    #[must_use]
    pub fn lans(lans: usize, random: &mut Random) -> Self {
        let mut links: Vec<Vec<usize>> = Vec::new();
        let mut routers = 0;
        for lan in 0..lans {
            let mut link = Vec::new();
            if let Some(joined) = (lan > 0).then(|| &links[pick(random, lan)]) {
                link.push(joined[pick(random, joined.len())]);
            }
            let size = 3 + pick(random, 3);
            while link.len() < size {
                link.push(routers);
                routers += 1;
            }
            links.push(link);
        }
        // Some circles, for there to be a choice of paths.
        for _ in 0..lans / 2 {
            let (lan, router) = (pick(random, lans), pick(random, routers));
            if !links[lan].contains(&router) {
                links[lan].push(router);
            }
        }
        Self {
            name: format!("{lans} LANs of {routers} routers"),
            routers,
            links,
        }
    }

    /// A fat tree of switches with `ports` ports, an even number: `ports` pods of `ports` / 2 edge and as many aggregation
    /// routers, each edge joined to each aggregation of its pod, and (`ports` / 2)² core routers, each joined to one aggregation of
    /// each pod.
    #[must_use]
    pub fn fat_tree(ports: usize) -> Self {
        let half = ports / 2;
        let cores = half * half;
        let aggregation = |pod: usize, number: usize| cores + pod * ports + number;
        let edge = |pod: usize, number: usize| aggregation(pod, half + number);
        let mut links = Vec::new();
        for pod in 0..ports {
            for upper in 0..half {
                links.extend((0..half).map(|core| vec![upper * half + core, aggregation(pod, upper)]));
                links.extend((0..half).map(|lower| vec![aggregation(pod, upper), edge(pod, lower)]));
            }
        }
        Self {
            name: format!("fat tree of switches with {ports} ports"),
            routers: cores + ports * ports,
            links,
        }
    }
}

fn pick(random: &mut Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

#[cfg(test)]
mod tests {
    use waypost_types::Seed;

    use super::*;

    fn is_connected(topology: &Topology) -> bool {
        let mut reached = vec![false; topology.routers];
        let mut left = vec![0];
        while let Some(router) = left.pop() {
            if !std::mem::replace(&mut reached[router], true) {
                let links = topology.links.iter().filter(|link| link.contains(&router));
                left.extend(links.flatten().copied());
            }
        }
        reached.iter().all(|reached| *reached)
    }

    #[test]
    fn every_shape_is_connected_and_of_the_promised_size() {
        let mut random = Seed(1).random();
        for _ in 0..20 {
            let graph = Topology::random(30, 35, &mut random);
            assert!(is_connected(&graph));
            assert_eq!(graph.links.len(), 52);
            let lans = Topology::lans(6, &mut random);
            assert!(is_connected(&lans), "{lans:?}");
        }
        assert!(is_connected(&Topology::ring(7)));
        assert_eq!(Topology::star(7).links.len(), 6);
        let tree = Topology::fat_tree(4);
        assert!(is_connected(&tree));
        assert_eq!((tree.routers, tree.links.len()), (20, 32));
        let grid = Topology::grid(4, 3);
        assert!(is_connected(&grid));
        assert_eq!((grid.routers, grid.links.len()), (12, 17));
    }
}
