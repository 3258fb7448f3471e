//! The server without targets behind it, over real connections.
