//! What needs unsafe code: the three words of a text (`repr`), the counted buffers
//! that texts share (`buffer`), and comparing bytes by vector instructions (`lanes`).
//! Everything outside this module is safe code on top of it.
#![allow(unsafe_code)]

mod buffer;
pub(super) mod lanes;
mod repr;

pub(super) use buffer::Shared;
#[cfg(test)]
pub(super) use buffer::buffers_alive;
pub(super) use repr::{INLINE_MAX, Repr};
