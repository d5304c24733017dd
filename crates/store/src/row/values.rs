//! The values of a statement of SQLite, and of one that both databases read.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::Sink;

/// The values so far.
#[derive(Debug, Default)]
pub(crate) struct Values(pub(crate) Vec<Value>);

impl Sink for Values {
    fn text(&mut self, value: Option<&str>) {
        self.0.push(value.map(str::to_owned).into());
    }

    fn number(&mut self, value: Option<i32>) {
        self.0.push(value.into());
    }

    fn large(&mut self, value: Option<i64>) {
        self.0.push(value.into());
    }

    fn flag(&mut self, value: bool) {
        self.0.push(value.into());
    }

    fn moment(&mut self, value: Option<DateTime<Utc>>) {
        self.0.push(value.into());
    }

    fn bytes(&mut self, value: Option<&[u8]>) {
        self.0.push(value.map(<[u8]>::to_vec).into());
    }
}
