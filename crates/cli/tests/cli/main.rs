//! The command as people and scripts use it: the real binary, real servers, no sleeping.

mod approvals;
mod dev;
mod doctor;
mod managing;
mod policies;
mod proofs;
mod serve;
mod support;
mod usage;
