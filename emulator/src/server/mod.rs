//! HTTPS on localhost.

mod exchange;
mod listen;
mod tls;

pub(crate) use listen::{Door, Hub, Listener};
pub(crate) use tls::tls;
