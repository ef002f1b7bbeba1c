//! What the tests stand on: the built program, other programs that judge it, and servers to talk to.
//!
//! Everything here runs real programs on this machine; nothing stands in for a part of the project.

pub(crate) mod authority;
pub(crate) mod chance;
pub(crate) mod ecr;
pub(crate) mod faults;
pub(crate) mod images;
pub(crate) mod judges;
pub(crate) mod kms;
pub(crate) mod program;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod terminal;
