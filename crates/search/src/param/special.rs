//! The parameter `near` of Location: <http://hl7.org/fhir/R4/location.html#positional>.
//!
//! `latitude|longitude[|distance[|unit]]`, the distance along the surface of a sphere of 6,371 km, in km (or `m`, `[mi_i]`, `[ft_i]`,
//! `[nmi_i]`); 10 km where it is left out.
//!
//! Keys: latitude and longitude in millionths of a degree, each 4 bytes, plus 2^31.

use model::{Decimal, Element};

use crate::span::{Span, Verdict};
use crate::value::Value;

const EARTH_KM: f64 = 6_371.0;

/// The position of a Location.
pub(crate) fn collect<'t>(element: Element<'t>, found: &mut Vec<Value<'t>>) {
    let degrees = |name: &str| element.text_at(name).and_then(Decimal::parse);
    if let (Some(latitude), Some(longitude)) = (degrees("latitude"), degrees("longitude")) {
        found.push(Value::Position { latitude, longitude });
    }
}

/// Appends the key of a position behind `prefix`.
pub(crate) fn put(prefix: &[u8], latitude: Decimal, longitude: Decimal, keys: &mut Vec<Vec<u8>>) {
    let mut key = prefix.to_vec();
    key.extend_from_slice(&fixed(latitude.to_f64()));
    key.extend_from_slice(&fixed(longitude.to_f64()));
    keys.push(key);
}

fn fixed(degrees: f64) -> [u8; 4] {
    let millionths = (degrees * 1e6).round().clamp(-2e9, 2e9);
    // In range: clamped above.
    ((millionths as i64 + (1 << 31)) as u32).to_be_bytes()
}

fn degrees(bytes: [u8; 4]) -> f64 {
    (f64::from(u32::from_be_bytes(bytes)) - f64::from(1u32 << 31)) / 1e6
}

/// Around what, and how far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Criterion {
    latitude: f64,
    longitude: f64,
    km: f64,
}

impl Criterion {
    /// `None` where the text is no position.
    pub(crate) fn parse(text: &str) -> Option<Criterion> {
        let parts = crate::query::split(text, '|');
        let number = |text: &String| Decimal::parse(text).map(Decimal::to_f64);
        let unit = match parts.get(3).map(String::as_str) {
            None | Some("" | "km") => 1.0,
            Some("m") => 0.001,
            Some("[mi_i]" | "mi") => 1.609_344,
            Some("[ft_i]" | "ft") => 0.000_304_8,
            Some("[nmi_i]") => 1.852,
            Some(_) => return None,
        };
        let distance = match parts.get(2).filter(|text| !text.is_empty()) {
            None => 10.0,
            Some(text) => number(text)?,
        };
        let (latitude, longitude) = (number(parts.first()?)?, number(parts.get(1)?)?);
        let is_on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && distance >= 0.0;
        is_on_earth.then_some(Criterion { latitude, longitude, km: distance * unit })
    }

    fn is_near(&self, latitude: f64, longitude: f64) -> bool {
        let (a, b) = (self.latitude.to_radians(), latitude.to_radians());
        let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
        let h = half(a, b) + a.cos() * b.cos() * half(self.longitude.to_radians(), longitude.to_radians());
        2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin() <= self.km
    }

    /// Whether a position meets it, at the precision of the index.
    pub(crate) fn matches(&self, latitude: Decimal, longitude: Decimal) -> bool {
        self.is_near(degrees(fixed(latitude.to_f64())), degrees(fixed(longitude.to_f64())))
    }

    /// Whether the position in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        let Some((latitude, rest)) = value.split_first_chunk::<4>() else { return Verdict::No };
        let Some(longitude) = rest.first_chunk::<4>() else { return Verdict::No };
        Verdict::of(self.is_near(degrees(*latitude), degrees(*longitude)))
    }

    /// Where such positions lie behind `prefix`: between two latitudes.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let reach = (self.km / EARTH_KM).to_degrees().abs() + 1e-5;
        let bound = |latitude: f64| [prefix, &fixed(latitude)].concat();
        vec![Span::between_prefixes(bound(self.latitude - reach), &bound(self.latitude + reach))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_the_distance_is_found() {
        let brussels = [Decimal::parse("50.8503").unwrap(), Decimal::parse("4.3517").unwrap()];
        let mut keys = Vec::new();
        put(b"p", brussels[0], brussels[1], &mut keys);
        for (asked, near) in [
            ("50.8503|4.3517", true),
            ("51.2194|4.4025|50|km", true),
            ("51.2194|4.4025|41000|m", false),
            ("51.2194|4.4025|30|[mi_i]", true),
            ("-50.8|4.3", false),
        ] {
            let criterion = Criterion::parse(asked).unwrap();
            assert_eq!(criterion.matches(brussels[0], brussels[1]), near, "{asked}");
            let found = criterion.spans(b"p")[0].contains(&keys[0]) && criterion.keep(&keys[0][1..]) == Verdict::Yes;
            assert_eq!(found, near, "{asked}");
        }
        for none in ["north|4", "91|4", "50|181", "50|4|-1|km", "50|4|1|stadium"] {
            assert!(Criterion::parse(none).is_none(), "{none}");
        }
    }
}
