//! Time as a parameter: nothing below the crate `server` reads a wall clock.

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub i64);

impl Instant {
    /// The FHIR `instant` in UTC with milliseconds: `2026-11-23T16:02:00.000Z`.
    pub fn to_fhir(self) -> String {
        let days = self.0.div_euclid(86_400_000);
        let rest = self.0.rem_euclid(86_400_000);
        let (year, month, day) = crate::calendar::date_of(days);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            rest / 3_600_000,
            rest / 60_000 % 60,
            rest / 1_000 % 60,
            rest % 1_000
        )
    }
}

/// Where the current time comes from. The server gives the machine's clock, tests a fixed one.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Instant;
}

impl Clock for Instant {
    fn now(&self) -> Instant {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_before_and_after_the_epoch_are_written_in_utc() {
        assert_eq!(Instant(0).to_fhir(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Instant(-1).to_fhir(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Instant(1_709_210_096_007).to_fhir(), "2024-02-29T12:34:56.007Z");
    }
}
