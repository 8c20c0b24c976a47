//! Time stamps of the API from virtual time and back.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;

use crate::base::time::{EPOCH_UNIX_SECONDS, SimTime};

/// A time stamp, cut to whole seconds as `metav1.Time` is.
#[must_use]
pub fn meta_time(at: SimTime) -> Time {
    let seconds = i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX);
    Time(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// A time stamp with microseconds, as `metav1.MicroTime` is.
#[must_use]
pub fn micro_time(at: SimTime) -> MicroTime {
    let micros = at.0.saturating_add(EPOCH_UNIX_SECONDS * 1_000_000);
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    MicroTime(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX))
}

/// Virtual time of a time stamp; moments before the world are its start.
#[must_use]
pub fn sim_time(time: &Time) -> SimTime {
    since_epoch(time.0)
}

/// Virtual time of a time stamp with microseconds.
#[must_use]
pub fn sim_micro(time: &MicroTime) -> SimTime {
    since_epoch(time.0)
}

fn since_epoch(at: Timestamp) -> SimTime {
    let micros = u64::try_from(at.as_microsecond()).unwrap_or(0);
    SimTime(micros.saturating_sub(EPOCH_UNIX_SECONDS * 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let at = SimTime(12_345_678);
        assert_eq!(sim_time(&meta_time(at)), SimTime::from_secs(12));
        assert_eq!(sim_micro(&micro_time(at)), at);
        assert_eq!(meta_time(SimTime::ZERO).0.to_string(), "2026-01-05T09:00:00Z");
    }
}
