//! Servers of others, as strict as theirs, for tests and measurements: what they refuse in
//! production is refused here too, and in the same words. Nothing that ships depends on this.

pub mod telegram;
mod wire;
