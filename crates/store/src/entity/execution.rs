//! The table `tool_executions`, keyed as the items are.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tool_executions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) response_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) ordinal: i32,
    pub(crate) tool: String,
    pub(crate) server: Option<String>,
    pub(crate) status: String,
    pub(crate) turn: i32,
    pub(crate) depth: i32,
    pub(crate) started_at: ChronoDateTimeUtc,
    pub(crate) duration_us: Option<i64>,
    pub(crate) body: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
