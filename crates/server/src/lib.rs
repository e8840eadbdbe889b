//! The Askfirst server: use cases in `service`, doors in `http`, `web` and `chat`, background work in
//! `workers`. It decides nothing itself; rules are `askfirst-core`'s, durability the store's.

pub mod app;
pub mod backup;
pub mod channels;
pub mod chat;
pub mod config;
pub mod crowd;
pub mod dev;
pub mod dialects;
mod docs;
pub mod http;
pub mod keyring;
pub mod metrics;
pub mod mint;
pub mod outgoing;
pub mod patience;
pub mod qr;
pub mod rates;
pub mod render;
pub mod sealing;
pub mod serve;
pub mod service;
pub mod tls;
pub mod traces;
pub mod turned_away;
pub mod wakeups;
pub mod web;
pub mod workers;
