//! The table `responses`. A row that was deleted stays as a link between those around it: its
//! contents are gone and `deleted_at` is set.

use sea_orm::entity::prelude::*;

#[expect(
    clippy::struct_field_names,
    reason = "a column is called `model`, and sea-orm wants a Model"
)]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "responses")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) conversation_id: String,
    pub(crate) conversation_position: Option<i32>,
    pub(crate) conversation_seen: i32,
    pub(crate) previous_response_id: Option<String>,
    pub(crate) worker_id: Option<String>,
    pub(crate) status: String,
    pub(crate) incomplete_reason: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error_message: Option<String>,
    pub(crate) background: bool,
    pub(crate) model: String,
    pub(crate) created_at: ChronoDateTimeUtc,
    pub(crate) queued_at: Option<ChronoDateTimeUtc>,
    pub(crate) started_at: Option<ChronoDateTimeUtc>,
    pub(crate) ended_at: Option<ChronoDateTimeUtc>,
    pub(crate) updated_at: ChronoDateTimeUtc,
    pub(crate) deleted_at: Option<ChronoDateTimeUtc>,
    pub(crate) turns: i32,
    pub(crate) rounds: i32,
    pub(crate) tool_calls: i32,
    pub(crate) prompt_tokens: Option<i64>,
    pub(crate) completion_tokens: Option<i64>,
    pub(crate) spec: String,
    pub(crate) progress: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
