//! Whom to believe.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use waypost_labs::{Algorithm, Authentication, Key, RipInterface, RipPlan};
use waypost_testkit::{Lab, Make, RouteFeed, wait_for};

use crate::network::{LAN1, LAN2, Pair, R1, R2, SOON, wait_for_rejection};

fn with(authentication: Authentication) -> RipPlan {
    RipPlan::new([RipInterface::new("eth0").authentication(authentication)])
}

fn converges(lab: &Lab, first: Make, second: Make, authentication: Authentication) -> Result<()> {
    let pair = Pair::new(lab)?;
    let _routers = pair.start(first, second, &with(authentication))?;
    pair.converge()
}

pub(crate) fn plain(lab: &Lab, first: Make, second: Make) -> Result<()> {
    converges(lab, first, second, Authentication::Plain("wayfarer".into()))
}

pub(crate) fn md5(lab: &Lab, first: Make, second: Make) -> Result<()> {
    converges(
        lab,
        first,
        second,
        Authentication::Keys(vec![Key::md5(7, "wayfarer")]),
    )
}

fn hmac(lab: &Lab, first: Make, second: Make, algorithm: Algorithm) -> Result<()> {
    let key = Key::with(algorithm, 7, "wayfarer");
    converges(lab, first, second, Authentication::Keys(vec![key]))
}

pub(crate) fn hmac_sha1(lab: &Lab, first: Make, second: Make) -> Result<()> {
    hmac(lab, first, second, Algorithm::Sha1)
}

pub(crate) fn hmac_sha256(lab: &Lab, first: Make, second: Make) -> Result<()> {
    hmac(lab, first, second, Algorithm::Sha256)
}

pub(crate) fn hmac_sha384(lab: &Lab, first: Make, second: Make) -> Result<()> {
    hmac(lab, first, second, Algorithm::Sha384)
}

pub(crate) fn hmac_sha512(lab: &Lab, first: Make, second: Make) -> Result<()> {
    hmac(lab, first, second, Algorithm::Sha512)
}

/// A secret longer than the digest, which BIRD prepares in another way than RFC 4822 has it: its messages are believed
/// whatever is sent, and it believes what is prepared its way.
fn long_secret(lab: &Lab, first: Make, second: Make, algorithm: Algorithm, secret: &str) -> Result<()> {
    let pair = Pair::new(lab)?;
    let plan = |as_bird| {
        let key = Key {
            as_bird,
            ..Key::with(algorithm, 7, secret)
        };
        with(Authentication::Keys(vec![key]))
    };
    let mut routers = pair.start(first, second, &plan(false))?;
    pair.r1.wait_for_route(LAN2, &[R2], SOON)?;
    wait_for_rejection(&routers.1, SOON)?;
    assert_eq!(pair.r2.routes_to(LAN1)?, []);
    routers.0.reconfigure(&plan(true).configuration(first))?;
    pair.converge()
}

const BETWEEN_32_AND_64: &str = "a secret that is longer than SHA-256, shorter than 64";
const BETWEEN_64_AND_128: &str = "a secret that is longer than any digest of this family, \
                          but shorter than the block of SHA-384";

pub(crate) fn long_secret_sha1(lab: &Lab, first: Make, second: Make) -> Result<()> {
    long_secret(lab, first, second, Algorithm::Sha1, BETWEEN_32_AND_64)
}

pub(crate) fn long_secret_sha256(lab: &Lab, first: Make, second: Make) -> Result<()> {
    long_secret(lab, first, second, Algorithm::Sha256, BETWEEN_32_AND_64)
}

pub(crate) fn long_secret_sha384(lab: &Lab, first: Make, second: Make) -> Result<()> {
    long_secret(lab, first, second, Algorithm::Sha384, BETWEEN_64_AND_128)
}

pub(crate) fn long_secret_sha512(lab: &Lab, first: Make, second: Make) -> Result<()> {
    long_secret(lab, first, second, Algorithm::Sha512, BETWEEN_64_AND_128)
}

/// No route from someone with another password, in either direction; the right one is enough to be believed.
pub(crate) fn wrong_password(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let right = with(Authentication::Keys(vec![Key::md5(1, "wayfarer")]));
    let wrong = with(Authentication::Keys(vec![Key::md5(1, "highwayman")]));
    let mut r1 = right.start(&pair.r1, first)?;
    let mut r2 = wrong.start(&pair.r2, second)?;
    wait_for_rejection(&r1, SOON)?;
    wait_for_rejection(&r2, SOON)?;
    assert_eq!(pair.r1.routes_to(LAN2)?, []);
    assert_eq!(pair.r2.routes_to(LAN1)?, []);
    // Whichever of the two can be changed as a whole.
    if second == Make::Frr {
        r1.reconfigure(&wrong.configuration(first))?;
    } else {
        r2.reconfigure(&right.configuration(second))?;
    }
    pair.converge()
}

/// Both ends go from one key to the next by the clock. No route is lost, and what is sent later is believed.
pub(crate) fn key_rollover(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let switch = now + Duration::from_secs(7);
    let at = i64::try_from(switch.as_secs())?;
    let old = Key {
        send_until: Some(at),
        ..Key::md5(1, "wayfarer")
    };
    let new = Key {
        send_from: Some(at),
        ..Key::md5(2, "pilgrim")
    };
    let _routers = pair.start(first, second, &with(Authentication::Keys(vec![old, new])))?;
    pair.converge()?;
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    assert!(clock() < switch, "converged only after the rollover");

    let feeds = (RouteFeed::start(&pair.r1)?, RouteFeed::start(&pair.r2)?);
    let left = switch.checked_sub(clock()).context("too late")?;
    wait_for(left + Duration::from_secs(2), "the time of the new key", || {
        if clock() > switch + Duration::from_secs(1) {
            Ok(())
        } else {
            Err("not yet".into())
        }
    })?;
    // Networks that are new now can only be in messages under the new key.
    lab.stub(&pair.r1, "lan1", "10.1.1.1/24")?;
    lab.stub(&pair.r2, "lan1", "10.2.1.1/24")?;
    pair.r1.wait_for_route("10.2.1.0/24", &[R2], SOON)?;
    pair.r2.wait_for_route("10.1.1.0/24", &[R1], SOON)?;
    feeds.0.assert_kept(&[LAN2])?;
    feeds.1.assert_kept(&[LAN1])
}
