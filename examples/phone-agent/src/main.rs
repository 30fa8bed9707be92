//! An example of voicekit.
fn main() {}
