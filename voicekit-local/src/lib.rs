//! Speech in, speech out and a brain for voicekit, offline: no key and no account.

pub mod models;
