//! What the stories about the server share: a real server on a real socket, a small client, and
//! a workspace with people in it.

pub mod client;
pub mod mailbox;
pub mod receiver;
pub mod server;
pub mod wire;
pub mod workspace;

pub use client::{Answer, Client};
pub use server::{START, TestServer};
