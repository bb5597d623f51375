//! When a schedule starts and stops. Pure: a plan and a moment come in, moments come out.
//!
//! Times are those on the wall of a zone. Where clocks are put forward, a time that the night leaves out is as much later as the clocks
//! jump (02:30 becomes 03:30); where they are put back, a time that comes twice means the first. A day that a zone left out whole has
//! no occurrence. A stop that would then not come after its start, or on no day, keeps its distance from it.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How late a start may be, in minutes, where the plan does not say.
const GRACE_MINUTES: u32 = 15;
const LONGEST_GRACE_MINUTES: u32 = 24 * 60;
const MOST_DATES: usize = 366;
/// How far ahead occurrences are looked for.
const AHEAD_DAYS: i64 = 800;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// When a schedule starts and stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The IANA name of the time zone that the times are in.
    #[schema(example = "Asia/Kolkata")]
    pub(super) zone: String,
    /// When it starts, `HH:MM`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "10:00")]
    pub(super) start: String,
    /// When it stops, `HH:MM`; on the next day where that is not after the start. Without it nothing stops it by the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "11:30")]
    pub(super) stop: Option<String>,
    /// On these days of the week. Without `days` and `dates`: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 7)]
    pub(super) days: Option<Vec<Day>>,
    /// On these days only, `YYYY-MM-DD`, at most 366.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 366)]
    pub(super) dates: Option<Vec<String>>,
    /// Not before this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub(super) from: Option<String>,
    /// Not after this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub(super) until: Option<String>,
    /// How many minutes late it may start where nothing of ours was running at the time, 0 to 1440 (15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1440)]
    pub(super) grace_minutes: Option<u32>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

/// One time that it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    /// Unix milliseconds.
    pub(super) starts_ms: i64,
    /// Unix milliseconds.
    pub(super) stops_ms: Option<i64>,
}

/// A plan that makes sense.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    zone: TimeZone,
    start: Time,
    stop: Option<Time>,
    days: Option<Vec<Weekday>>,
    dates: Option<BTreeSet<Date>>,
    from: Option<Date>,
    until: Option<Date>,
    grace_ms: i64,
}

/// What is wrong with a plan: the field, and a sentence.
pub(super) type Wrong = (&'static str, &'static str);

fn time(field: &'static str, text: &str) -> Result<Time, Wrong> {
    let wrong = (field, "This is a time from 00:00 to 23:59.");
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2).ok_or(wrong)?;
    let number = |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().map_err(|_| wrong) } else { Err(wrong) };
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| wrong)
}

fn date(field: &'static str, text: &str) -> Result<Date, Wrong> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let parsed = plain.then(|| text.parse().ok()).flatten();
    parsed.ok_or((field, "This is a day in the form YYYY-MM-DD."))
}

impl Plan {
    /// Reads the plan.
    pub(super) fn check(&self) -> Result<Checked, Wrong> {
        let unknown = ("zone", "There is no time zone of this name; names are like Europe/Berlin or Asia/Kolkata.");
        let zone = TimeZone::get(&self.zone).map_err(|_| unknown)?;
        if zone.iana_name().is_none() {
            return Err(unknown);
        }
        if self.days.is_some() && self.dates.is_some() {
            return Err(("dates", "Give days of the week or dates, not both."));
        }
        if self.days.as_ref().is_some_and(|days| days.is_empty() || days.len() > 7) {
            return Err(("days", "Give 1 to 7 days of the week."));
        }
        if self.dates.as_ref().is_some_and(|dates| dates.is_empty() || dates.len() > MOST_DATES) {
            return Err(("dates", "Give 1 to 366 dates."));
        }
        let grace = self.grace_minutes.unwrap_or(GRACE_MINUTES);
        if grace > LONGEST_GRACE_MINUTES {
            return Err(("grace_minutes", "This is a number of minutes from 0 to 1440."));
        }
        let dates = self.dates.as_ref().map(|dates| dates.iter().map(|text| date("dates", text)).collect::<Result<_, _>>());
        let checked = Checked {
            zone,
            start: time("start", &self.start)?,
            stop: self.stop.as_deref().map(|text| time("stop", text)).transpose()?,
            days: self.days.as_ref().map(|days| days.iter().map(|day| day.weekday()).collect()),
            dates: dates.transpose()?,
            from: self.from.as_deref().map(|text| date("from", text)).transpose()?,
            until: self.until.as_deref().map(|text| date("until", text)).transpose()?,
            grace_ms: i64::from(grace) * 60_000,
        };
        if checked.from.zip(checked.until).is_some_and(|(from, until)| from > until) {
            return Err(("until", "The last day comes before the first."));
        }
        Ok(checked)
    }
}

impl Checked {
    /// How late a start may be, in milliseconds.
    pub(super) fn grace_ms(&self) -> i64 {
        self.grace_ms
    }

    fn allows(&self, day: Date) -> bool {
        self.from.is_none_or(|from| day >= from)
            && self.until.is_none_or(|until| day <= until)
            && self.days.as_ref().is_none_or(|days| days.contains(&day.weekday()))
            && self.dates.as_ref().is_none_or(|dates| dates.contains(&day))
    }

    /// When a time on the wall is; never on a day that the zone left out.
    fn moment(&self, day: Date, time: Time) -> Option<i64> {
        let told = day.to_datetime(time);
        let moment = self.zone.to_ambiguous_timestamp(told).compatible().ok()?;
        // Samoa had no 30 December 2011: that day's times are those of the next.
        let is_left_out = moment.to_zoned(self.zone.clone()).datetime().duration_since(told) >= A_DAY;
        (!is_left_out).then(|| moment.as_millisecond())
    }

    fn on(&self, day: Date) -> Option<Occurrence> {
        let starts_ms = self.moment(day, self.start).filter(|_| self.allows(day))?;
        let stops_ms = match self.stop {
            None => None,
            Some(stop) => {
                let next_day = stop <= self.start;
                let last = if next_day { day.tomorrow().ok()? } else { day };
                let minutes = |time: Time| i64::from(time.hour()) * 60 + i64::from(time.minute());
                let nominal = minutes(stop) - minutes(self.start) + if next_day { 24 * 60 } else { 0 };
                let told = self.moment(last, stop).filter(|stops_ms| *stops_ms > starts_ms);
                Some(told.unwrap_or(starts_ms + nominal * 60_000))
            }
        };
        Some(Occurrence { starts_ms, stops_ms })
    }

    fn day_of(&self, at_ms: i64) -> Option<Date> {
        Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(self.zone.clone()).date())
    }

    /// Occurrences that start from one moment on and before another.
    pub(super) fn between(&self, from_ms: i64, to_ms: i64) -> Vec<Occurrence> {
        let (Some(first), Some(last)) = (self.day_of(from_ms), self.day_of(to_ms)) else { return Vec::new() };
        // A zone may lie a day apart from itself where it changed sides of the date line.
        let days = first.saturating_sub(Span::new().days(1)).series(Span::new().days(1)).take_while(|day| *day <= last);
        let occurrences = days.filter_map(|day| self.on(day));
        occurrences.filter(|one| (from_ms..to_ms).contains(&one.starts_ms)).collect()
    }

    /// The next few occurrences after a moment.
    pub(super) fn next(&self, after_ms: i64, most: usize) -> Vec<Occurrence> {
        let Some(today) = self.day_of(after_ms) else { return Vec::new() };
        let first = self.from.filter(|from| *from > today).unwrap_or_else(|| today.saturating_sub(Span::new().days(1)));
        let last = first.saturating_add(Span::new().days(AHEAD_DAYS));
        let all: Box<dyn Iterator<Item = Date>> = match &self.dates {
            Some(dates) => Box::new(dates.iter().copied()),
            None => Box::new(first.series(Span::new().days(1)).take_while(move |day| *day <= last)),
        };
        all.filter_map(|day| self.on(day)).filter(|one| one.starts_ms > after_ms).take(most).collect()
    }

    /// What is due at a moment: begun, not longer ago than the grace, and not to be stopped already.
    pub(super) fn due(&self, now_ms: i64) -> Vec<Occurrence> {
        let begun = self.between(now_ms - self.grace_ms, now_ms + 1);
        begun.into_iter().filter(|one| one.stops_ms.is_none_or(|stops| stops > now_ms)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(zone: &str, start: &str, stop: &str) -> Plan {
        let stop = Some(stop.to_owned()).filter(|stop| !stop.is_empty());
        Plan { zone: zone.into(), start: start.into(), stop, ..Plan::default() }
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// Start and stop of the occurrence on a day, in UTC.
    fn on(plan: &Plan, day: &str) -> (String, String) {
        let one = plan.check().unwrap().on(day.parse().unwrap()).unwrap();
        let text = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
        (text(one.starts_ms), one.stops_ms.map(text).unwrap_or_default())
    }

    #[test]
    fn a_time_on_the_wall_is_that_of_its_zone() {
        assert_eq!(
            on(&plan("Asia/Kolkata", "10:00", "11:30"), "2026-11-23"),
            ("2026-11-23T04:30:00Z".into(), "2026-11-23T06:00:00Z".into())
        );
        assert_eq!(on(&plan("Europe/Berlin", "10:00", ""), "2026-07-01").0, "2026-07-01T08:00:00Z");
        assert_eq!(on(&plan("Europe/Berlin", "10:00", ""), "2026-12-01").0, "2026-12-01T09:00:00Z");
        // Over midnight.
        assert_eq!(on(&plan("Europe/Berlin", "23:00", "01:00"), "2026-12-01").1, "2026-12-02T00:00:00Z");
    }

    #[test]
    fn a_time_that_the_night_leaves_out_comes_an_hour_later_and_one_that_comes_twice_is_the_first() {
        // Berlin, 29 March 2026: 02:00 becomes 03:00.
        assert_eq!(on(&plan("Europe/Berlin", "02:30", "03:30"), "2026-03-29").0, "2026-03-29T01:30:00Z");
        // 02:50 becomes 03:50, after which 03:10 does not come: twenty minutes stay twenty minutes.
        assert_eq!(
            on(&plan("Europe/Berlin", "02:50", "03:10"), "2026-03-29"),
            ("2026-03-29T01:50:00Z".into(), "2026-03-29T02:10:00Z".into())
        );
        assert_eq!(
            on(&plan("Europe/Berlin", "01:50", "02:10"), "2026-03-29"),
            ("2026-03-29T00:50:00Z".into(), "2026-03-29T01:10:00Z".into())
        );
        // Berlin, 25 October 2026: 03:00 becomes 02:00.
        assert_eq!(
            on(&plan("Europe/Berlin", "02:30", "03:30"), "2026-10-25"),
            ("2026-10-25T00:30:00Z".into(), "2026-10-25T02:30:00Z".into())
        );
        // Lord Howe Island puts its clocks by half an hour.
        assert_eq!(on(&plan("Australia/Lord_Howe", "02:15", ""), "2026-10-04").0, "2026-10-03T15:45:00Z");
    }

    #[test]
    fn a_day_that_a_zone_left_out_has_no_occurrence() {
        // Samoa went from 29 to 31 December 2011.
        let checked = plan("Pacific/Apia", "23:00", "01:00").check().unwrap();
        let all = checked.between(ms("2011-12-28T12:00:00Z"), ms("2012-01-01T12:00:00Z"));
        let text = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
        let told: Vec<_> = all.iter().map(|one| (text(one.starts_ms), text(one.stops_ms.unwrap()))).collect();
        let two_hours = |day: &str| (format!("2011-12-{day}T09:00:00Z"), format!("2011-12-{day}T11:00:00Z"));
        let first_of_january = ("2012-01-01T09:00:00Z".to_owned(), "2012-01-01T11:00:00Z".to_owned());
        assert_eq!(told, [two_hours("29"), two_hours("30"), two_hours("31"), first_of_january]);
        assert_eq!(checked.on("2011-12-30".parse().unwrap()), None);
    }

    #[test]
    fn repeats_are_daily_weekly_or_on_dates_and_have_ends() {
        let weekly = Plan { days: Some(vec![Day::Mon, Day::Thu]), ..plan("Asia/Kolkata", "10:00", "") };
        let next = |plan: &Plan, after: &str| -> Vec<String> {
            let next = plan.check().unwrap().next(ms(after), 3);
            next.into_iter().map(|one| Timestamp::from_millisecond(one.starts_ms).unwrap().to_string()).collect()
        };
        assert_eq!(next(&weekly, "2026-11-23T04:30:00Z"), ["2026-11-26T04:30:00Z", "2026-11-30T04:30:00Z", "2026-12-03T04:30:00Z"]);
        let ends = Plan { from: Some("2026-11-25".into()), until: Some("2026-11-30".into()), ..weekly };
        assert_eq!(next(&ends, "2026-01-01T00:00:00Z"), ["2026-11-26T04:30:00Z", "2026-11-30T04:30:00Z"]);
        let dates = Plan { dates: Some(vec!["2027-02-01".into(), "2026-12-24".into()]), ..plan("UTC", "09:00", "") };
        assert_eq!(next(&dates, "2026-12-24T08:59:59Z"), ["2026-12-24T09:00:00Z", "2027-02-01T09:00:00Z"]);
        assert_eq!(next(&dates, "2027-02-01T09:00:00Z"), [""; 0]);
    }

    #[test]
    fn what_was_missed_is_due_within_the_grace() {
        let checked = Plan { grace_minutes: Some(10), ..plan("UTC", "09:00", "09:05") }.check().unwrap();
        let due = |text: &str| checked.due(ms(text)).len();
        assert_eq!(
            [due("2026-11-22T08:59:59Z"), due("2026-11-22T09:00:00Z"), due("2026-11-22T09:04:59Z"), due("2026-11-22T09:05:00Z")],
            [0, 1, 1, 0]
        );
        let open = Plan { grace_minutes: Some(10), ..plan("UTC", "09:00", "") }.check().unwrap();
        assert_eq!([open.due(ms("2026-11-22T09:10:00Z")).len(), open.due(ms("2026-11-22T09:10:01Z")).len()], [1, 0]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let wrong = |plan: Plan| plan.check().unwrap_err().0;
        assert_eq!(wrong(plan("Mars/Olympus", "10:00", "")), "zone");
        for zone in ["", "../etc/passwd", "EST5EDT4,M3.2.0,M11.1.0"] {
            assert_eq!(wrong(plan(zone, "10:00", "")), "zone", "{zone}");
        }
        for time in ["", "24:00", "10:60", "1:00", "10:00:00", "+1:00", "aa:bb", "10.00"] {
            assert_eq!(wrong(plan("UTC", time, "")), "start", "{time}");
        }
        assert_eq!(wrong(plan("UTC", "10:00", "25:00")), "stop");
        assert_eq!(wrong(Plan { days: Some(vec![]), ..plan("UTC", "10:00", "") }), "days");
        assert_eq!(wrong(Plan { dates: Some(vec!["2026-02-30".into()]), ..plan("UTC", "10:00", "") }), "dates");
        assert_eq!(wrong(Plan { dates: Some(vec!["2026-02-01T10".into()]), ..plan("UTC", "10:00", "") }), "dates");
        assert_eq!(wrong(Plan { dates: Some(vec![]), days: Some(vec![Day::Mon]), ..plan("UTC", "10:00", "") }), "dates");
        assert_eq!(wrong(Plan { grace_minutes: Some(1441), ..plan("UTC", "10:00", "") }), "grace_minutes");
        assert_eq!(wrong(Plan { from: Some("2026-02-02".into()), until: Some("2026-02-01".into()), ..plan("UTC", "10:00", "") }), "until");
    }

    fn zones() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Africa/Casablanca",
            "America/St_Johns",
            "UTC",
        ])
    }

    fn clock() -> impl Strategy<Value = (u32, u32)> {
        (0..24_u32, 0..60_u32)
    }

    proptest! {
        #[test]
        fn every_day_has_one_occurrence_in_order_with_its_stop_after_its_start(zone in zones(), (h, m) in clock(), (sh, sm) in clock(), from in 0..20_000_i64) {
            let checked = plan(zone, &format!("{h:02}:{m:02}"), &format!("{sh:02}:{sm:02}")).check().unwrap();
            let from_ms = from * 86_400_000;
            let all = checked.between(from_ms, from_ms + 30 * 86_400_000);
            // A day that a zone left out takes no time.
            prop_assert!((29..=31).contains(&all.len()), "{}", all.len());
            for pair in all.windows(2) {
                let hours = (pair[1].starts_ms - pair[0].starts_ms) / 3_600_000;
                prop_assert!((22..=26).contains(&hours), "{hours}");
            }
            for one in &all {
                let length = one.stops_ms.unwrap() - one.starts_ms;
                prop_assert!(length > 0 && length <= 26 * 3_600_000, "{length}");
            }
            // What is next after the start of one is the one after it.
            prop_assert_eq!(checked.next(all[0].starts_ms, 1)[0], all[1]);
            prop_assert!(checked.due(all[3].starts_ms).contains(&all[3]));
        }
    }
}
