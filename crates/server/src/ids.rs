//! The machine's clock, and ids that sort by time.

use std::time::{SystemTime, UNIX_EPOCH};

use interaction::Ids;
use model::{Clock, Instant, uuid_text};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Instant {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// UUIDs of version 7 (RFC 9562, section 5.7): the time, then 74 random bits. Ids that are made together lie together in
/// the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeOrderedIds;

impl Ids for TimeOrderedIds {
    fn next(&self, now: Instant) -> String {
        let mut random = [0u8; 10];
        // Without randomness the operating system is unusable; an id that exists already is refused by the store.
        if getrandom::fill(&mut random).is_err() {
            tracing::error!("the operating system gave no randomness");
        }
        let random = random.iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte));
        uuid_v7(now.0.max(0).unsigned_abs(), random)
    }
}

fn uuid_v7(millis: u64, random: u128) -> String {
    let time = u128::from(millis) & 0xffff_ffff_ffff;
    let high = random >> 62 & 0xfff;
    let low = random & ((1 << 62) - 1);
    uuid_text(time << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        // The example of RFC 9562, appendix A.6.
        assert_eq!(
            uuid_v7(0x017F_22E2_79B0, 0xCC3 << 62 | 0x18C4_DC0C_0C07_398F),
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
        );
        let ids = TimeOrderedIds;
        assert!(ids.next(Instant(1)) < ids.next(Instant(2)));
        assert_ne!(ids.next(Instant(1)), ids.next(Instant(1)));
    }
}
