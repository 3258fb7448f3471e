//! What a protocol in front of the source needs: finding by conditions, versions, and conditional writes in one transaction.

mod find;
mod resource;
mod test;
mod write;

pub use find::{SourceDirection, SourceOrder, SourceQuery, Versioned};
pub use resource::ResourceRow;
pub(crate) use test::Table;
pub use test::{Compared, SourceTest};
