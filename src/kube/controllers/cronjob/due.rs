//! Which run of a CronJob is due, and when to look again.
//!
//! Models kubernetes `pkg/controller/cronjob/utils.go` @v1.36 (handbook kubernetes-controllers §6).
//! Moments are seconds of the Unix clock.

use k8s_openapi::api::batch::v1::CronJob;

use crate::base::time::{EPOCH_UNIX_SECONDS, SimDuration, SimTime};
use crate::kube::clock::sim_time;
use crate::kube::controllers::cronjob::schedule::Schedule;

/// The controller wakes this long after a run is due (`nextScheduleDelta`).
const DELTA: SimDuration = SimDuration::from_millis(100);
/// From this many missed runs on a warning is told.
const MANY: i64 = 100;

/// What has become due since the last run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Since when runs are looked for.
    pub earliest: i64,
    /// The newest run that is due.
    pub latest: Option<i64>,
    /// About how many runs are due.
    pub count: i64,
}

impl Missed {
    /// Whether there are so many that something must be wrong.
    #[must_use]
    pub const fn too_many(self) -> bool {
        self.count > MANY
    }
}

/// Seconds of the Unix clock of a moment.
#[must_use]
pub fn unix(at: SimTime) -> i64 {
    i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX)
}

/// The moment of seconds of the Unix clock.
#[must_use]
pub fn moment(seconds: i64) -> SimTime {
    let since = seconds.saturating_sub(i64::try_from(EPOCH_UNIX_SECONDS).unwrap_or(0));
    SimTime::from_secs(u64::try_from(since).unwrap_or(0))
}

/// Runs that are due (`mostRecentScheduleTime`).
///
/// # Errors
/// Where two runs would be at the same moment, or the schedule never comes.
pub fn missed(
    cron: &CronJob,
    schedule: &Schedule,
    now: SimTime,
    mind_deadline: bool,
) -> Result<Missed, String> {
    const NEVER: &str = "time difference between two schedules is less than 1 second";
    let last = cron.status.as_ref().and_then(|s| s.last_schedule_time.as_ref());
    let begun = last.or(cron.metadata.creation_timestamp.as_ref()).map(sim_time);
    let mut earliest = unix(begun.unwrap_or(SimTime::ZERO));
    let now = unix(now);
    if let Some(seconds) = cron.spec.starting_deadline_seconds.filter(|_| mind_deadline) {
        earliest = earliest.max(now.saturating_sub(seconds));
    }
    let first = schedule.next(earliest).ok_or(NEVER)?;
    if now < first {
        return Ok(Missed { earliest, ..Missed::default() });
    }
    let second = schedule.next(first).ok_or(NEVER)?;
    if now < second {
        return Ok(Missed { earliest, latest: Some(first), count: 1 });
    }
    let between = second - first;
    let count = (now - first) / between + 1;
    let mut latest = None;
    let mut at = schedule.next(first + (count - 2) * between);
    while let Some(time) = at.filter(|time| *time <= now) {
        latest = Some(time);
        at = schedule.next(time);
    }
    Ok(Missed { earliest, latest, count })
}

/// How long until the next run (`nextScheduleTimeDuration`).
#[must_use]
pub fn next_in(cron: &CronJob, schedule: &Schedule, now: SimTime) -> Option<SimDuration> {
    let from = match missed(cron, schedule, now, false) {
        Ok(Missed { latest: Some(latest), .. }) => latest,
        Ok(Missed { earliest, count: 0, .. }) => earliest,
        Ok(_) | Err(_) => unix(now),
    };
    let at = moment(schedule.next(from)?) + DELTA;
    Some(at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::clock::meta_time;
    use k8s_openapi::api::batch::v1::CronJobStatus;

    fn cron(last: u64, deadline: Option<i64>) -> CronJob {
        let mut cron = CronJob::default();
        cron.spec.starting_deadline_seconds = deadline;
        cron.status = Some(CronJobStatus {
            last_schedule_time: Some(meta_time(SimTime::from_secs(last))),
            ..CronJobStatus::default()
        });
        cron
    }

    #[test]
    fn only_the_newest_missed_run_counts() {
        let schedule = Schedule::parse("* * * * *", 0).unwrap();
        for (last, now, deadline, want, count) in [
            (0, 59, None, None, 0),
            (0, 60, None, Some(60), 1),
            (0, 185, None, Some(180), 3),
            (0, 7_000, None, Some(6_960), 116),
            (0, 185, Some(30), Some(180), 1),
            (0, 175, Some(30), None, 0),
        ] {
            let found =
                missed(&cron(last, deadline), &schedule, SimTime::from_secs(now), true).unwrap();
            let latest = found.latest.map(|at| moment(at).as_secs());
            assert_eq!((latest, found.count), (want, count), "{now} {deadline:?}");
        }
    }

    #[test]
    fn wakes_a_moment_after_the_next_run() {
        let schedule = Schedule::parse("* * * * *", 0).unwrap();
        let wait = next_in(&cron(60, None), &schedule, SimTime::from_millis(60_400));
        assert_eq!(wait, Some(SimDuration::from_millis(59_700)));
    }
}
