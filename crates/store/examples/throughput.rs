//! Measures how many asks a store takes with many tasks asking at once, straight on the store.
fn main() {}
