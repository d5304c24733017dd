//! Marked secrets in every place that can hold one, through everything that can happen to a request; then all
//! that anybody could read is searched for the marks. And what is not to be stored leaves no row.

mod marks;
mod places;
mod scenario;
mod tables;
mod unstored;
