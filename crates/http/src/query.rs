//! The parameters of a query: read by name, and refused by name.

use std::str::FromStr;

use actix_web::{HttpRequest, web};
use response_domain::page::Order;
use response_engine::read::EntryWindow;

use crate::dialect::Items;
use crate::problem::Problem;

/// The parameters of one query. Those nobody asks for are ignored; of those given twice the last counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let text = request.query_string();
        // A list of pairs of texts takes any query there is.
        let pairs =
            web::Query::from_query(text).map_or_else(|_| Vec::new(), web::Query::into_inner);
        Self(pairs)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the parameter is there, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The parameter as `read` takes it; when that refuses, the problem says what is allowed.
    pub(crate) fn read<T>(
        &self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let value = read(text)
            .ok_or_else(|| Problem::invalid(name, format!("`{name}` must be {allowed}")))?;
        Ok(Some(value))
    }

    /// How many entries a page may have.
    pub(crate) fn limit(&self) -> Result<u16, Problem> {
        const MOST: u16 = 100;
        const USUAL: u16 = 20;
        let fits = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        let limit = self.read("limit", "a number between 1 and 100", fits)?;
        Ok(limit.unwrap_or(USUAL))
    }

    /// An id of the kind `T`.
    pub(crate) fn id<T: FromStr>(
        &self,
        name: &'static str,
        allowed: &str,
    ) -> Result<Option<T>, Problem> {
        self.read(name, allowed, |text| text.parse().ok())
    }

    /// In which order a list is told, if the caller says so.
    pub(crate) fn order(&self) -> Result<Option<Order>, Problem> {
        self.read("order", "`asc` or `desc`", |text| match text {
            "asc" => Some(Order::Ascending),
            "desc" => Some(Order::Descending),
            _ => None,
        })
    }

    /// Which items of a list, the newest first unless the caller says otherwise.
    pub(crate) fn window(&self, dialect: impl Items) -> Result<EntryWindow, Problem> {
        let item = |name| self.read(name, "the id of an item", |text| dialect.item_id(text));
        Ok(EntryWindow {
            order: self.order()?.unwrap_or(Order::Descending),
            limit: self.limit()?,
            after: item("after")?,
            before: item("before")?,
        })
    }

    /// `true` or `false`.
    pub(crate) fn truth(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        self.read(name, "`true` or `false`", |text| text.parse().ok())
    }
}
