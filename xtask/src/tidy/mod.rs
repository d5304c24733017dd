//! What no compiler looks at: the length and opening of files, names, stray paths, links, and
//! whether the documents still name what exists.
//!
//! Each rule is a function from the tree to its findings; a rule reads nothing but the tree, so
//! its tests are trees of two or three lines.

use crate::error::ChoreError;
use crate::finding::{self, Finding};
use crate::workspace;

mod codes;
mod invariants;
mod layout;
mod links;
mod names;
mod source;
mod text;
mod tree;

use tree::Tree;

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    layout::check,
    source::check,
    names::check,
    text::check,
    links::check,
    invariants::check,
    codes::check,
];

/// Applies every rule to what git tracks or would track.
pub(crate) fn run() -> Result<(), ChoreError> {
    let tree = Tree::read(&workspace::root())?;
    finding::report("tidy", RULES.iter().flat_map(|rule| rule(&tree)).collect())
}
