//! Parts of dates and times: <http://hl7.org/fhirpath/#extract-datetimetime-components>.

use super::{Evaluation, Outcome, Scope, fault};
use crate::error::Fault;
use crate::function::Function;
use crate::item::Item;
use crate::plan::Call;
use crate::value::Time;
use model::{Decimal, PartialTime};

impl<'t> Evaluation<'_, 't> {
    /// A part that was not written is nothing.
    pub(super) fn date_part(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(item) = self.single(&call.input, scope)? else { return Ok(None) };
        let Some(value) = self.operand(item)? else { return Ok(None) };
        let (date, time, hour_only) = match &value {
            Item::Date(date) => (Some(date.parts()), None, false),
            Item::DateTime(moment) => (Some(moment.parts()), moment.parts().time, moment.hour_only),
            Item::Time(time) => (None, Some(time.parts()), time.hour_only),
            other => return fault(Fault::Type, format!("{other} is no date or time")),
        };
        let integer = |part: Option<i64>| part.map(Item::Integer);
        Ok(match call.function {
            Function::YearOf => integer(date.map(|date| i64::from(date.year))),
            Function::MonthOf => integer(date.and_then(|date| date.month).map(i64::from)),
            Function::DayOf => integer(date.and_then(|date| date.day).map(i64::from)),
            Function::HourOf => integer(time.map(|time| i64::from(time.hour))),
            Function::MinuteOf => integer(time.filter(|_| !hour_only).map(|time| i64::from(time.minute))),
            Function::SecondOf => integer(time.and_then(|time| time.second).map(i64::from)),
            Function::MillisecondOf => integer(time.and_then(milliseconds)),
            Function::TimezoneOffsetOf => {
                let hours = date.and_then(|date| date.offset).and_then(|minutes| {
                    crate::value::number::divide(Decimal::new(i128::from(minutes), 0)?, Decimal::new(60, 0)?)
                });
                hours.map(Item::Decimal)
            }
            Function::DateOf => match value {
                Item::Date(date) => Some(Item::Date(date)),
                Item::DateTime(moment) => Some(Item::Date(moment.date())),
                _ => None,
            },
            _ => time.map(|at| Item::Time(Time { at, hour_only })),
        })
    }
}

fn milliseconds(time: PartialTime) -> Option<i64> {
    time.fraction.map(|(nanos, _)| i64::from(nanos / 1_000_000))
}
