//! askfirst
fn main() {}
