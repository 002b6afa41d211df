//! Reading in pages: a journal may be longer than one answer of DynamoDB.

use crate::layout::Item;

/// Some of what was asked for, and how to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where the next page begins; `None` after the last one. A page may be empty and still
    /// have a next one.
    pub next: Option<PageToken>,
}

/// Where a page begins. It is made by the page before it and holds for the same question only.
#[derive(Debug, Clone, PartialEq)]
pub struct PageToken(Item);

impl PageToken {
    pub(crate) fn from_key(key: Option<Item>) -> Option<Self> {
        // DynamoDB leaves the key out after the last page, some of its emulators send an empty one.
        key.filter(|key| !key.is_empty()).map(Self)
    }

    pub(crate) fn into_key(self) -> Item {
        self.0
    }
}
