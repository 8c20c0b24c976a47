//! API time stamps from virtual time.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;

use crate::base::time::{EPOCH_UNIX_SECONDS, SimTime};

/// A time stamp, cut to whole seconds as the API does.
#[must_use]
pub fn meta_time(at: SimTime) -> Time {
    let seconds = i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX);
    Time(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// A time stamp with microseconds.
#[must_use]
pub fn micro_time(at: SimTime) -> MicroTime {
    let micros = at.0.saturating_add(EPOCH_UNIX_SECONDS * 1_000_000);
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    MicroTime(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX))
}

/// The zero of the Unix clock: containerd's start time of a container that never ran.
#[must_use]
pub fn meta_zero() -> Time {
    Time(Timestamp::UNIX_EPOCH)
}

/// Virtual time of a time stamp; moments before the world are its start.
#[must_use]
pub fn sim_time(time: &Time) -> SimTime {
    let seconds = u64::try_from(time.0.as_second()).unwrap_or(0);
    SimTime::from_secs(seconds.saturating_sub(EPOCH_UNIX_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let at = SimTime::from_millis(12_345);
        assert_eq!(sim_time(&meta_time(at)), SimTime::from_secs(12));
        assert_eq!(meta_time(SimTime::ZERO).0.to_string(), "2026-01-05T09:00:00Z");
    }
}
