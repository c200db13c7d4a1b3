//! Changes that are made at a time.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::json;
use waypost_api::{ChangeRequest, ScheduleAnswer, ScheduleRequest};
use waypost_manager::Scheduled;

use crate::arguments::seconds;
use crate::command::Desk;
use crate::fault::Fault;
use crate::render;

/// Has a change made at a time.
pub(super) fn order(desk: &mut Desk<'_>, at: &str, request: &ChangeRequest) -> Result<String, Fault> {
    if request.revision.is_some() {
        return Err(Fault::Usage(
            "--if-revision says what holds now, and --at is about later: give one of them".to_owned(),
        ));
    }
    let now = Timestamp::now().to_zoned(desk.sheet.zone.clone());
    let at = time(at, &now).map_err(Fault::Usage)?;
    let request = ScheduleRequest {
        at,
        change: request.clone(),
    };
    let answer = super::worked_on(desk, "/v1/schedule", &request)?;
    desk.shown(&answer, |sheet, answer: &ScheduleAnswer| {
        render::ordered(sheet, answer)
    })
}

/// Takes away what waits for its time.
pub(crate) fn cancel(desk: &mut Desk<'_>, id: u64) -> Result<String, Fault> {
    let answer = desk
        .router
        .post(&format!("/v1/schedule/{id}/cancel"), &json!({}))?;
    desk.shown(&answer, |_, row: &Scheduled| {
        format!("change {} is cancelled\n", row.id)
    })
}

/// A time as people write it, in seconds since 1970-01-01 UTC: an instant, a date with a time, the next time of day, or from now.
fn time(text: &str, now: &Zoned) -> Result<u64, String> {
    let wrong = || {
        format!(
            "'{text}' is no time: write 22:30, 2026-11-30 22:30, 2026-11-30T22:30:00Z, or +5m for five minutes from now"
        )
    };
    if let Some(from_now) = text.strip_prefix('+') {
        let from_now = seconds(from_now).map_err(|_| wrong())?;
        let from_now = SignedDuration::from_secs(i64::try_from(from_now).map_err(|_| wrong())?);
        return instant(now.checked_add(from_now).map_err(|_| wrong())?.timestamp());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return instant(at);
    }
    let zone: &TimeZone = now.time_zone();
    if text.contains('-') {
        let at: DateTime = text.parse().map_err(|_| wrong())?;
        return instant(at.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp());
    }
    let at: Time = text.parse().map_err(|_| wrong())?;
    let on = |date: Date| date.to_datetime(at).to_zoned(zone.clone()).map_err(|_| wrong());
    let today = on(now.date())?;
    let next = if today > *now {
        today
    } else {
        on(now.date().tomorrow().map_err(|_| wrong())?)?
    };
    instant(next.timestamp())
}

fn instant(at: Timestamp) -> Result<u64, String> {
    u64::try_from(at.as_second()).map_err(|_| "before 1970 there were no routers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let now: Zoned = "2026-11-28T21:00:00+01:00[Europe/Rome]".parse().unwrap();
        let seconds = |text: &str| text.parse::<Timestamp>().unwrap().as_second() as u64;
        for (text, expected) in [
            ("22:30", "2026-11-28T21:30:00Z"),
            ("20:30", "2026-11-29T19:30:00Z"),
            ("21:00:00", "2026-11-29T20:00:00Z"),
            ("2026-11-30 22:30", "2026-11-30T21:30:00Z"),
            ("2026-07-30T22:30", "2026-07-30T20:30:00Z"),
            ("2026-11-30T22:30:00Z", "2026-11-30T22:30:00Z"),
            ("+5m", "2026-11-28T20:05:00Z"),
            ("+90", "2026-11-28T20:01:30Z"),
        ] {
            assert_eq!(time(text, &now), Ok(seconds(expected)), "{text}");
        }
        for text in ["", "soon", "25:00", "+", "+-5m", "2026-02-30 10:00"] {
            assert!(time(text, &now).is_err(), "{text}");
        }
    }
}
