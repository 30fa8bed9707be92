//! Ready-made tools. None is in an agent unless it is [given](crate::AgentBuilder::tool).

mod control;
mod knowledge;
mod message;
mod time;

pub use control::{collect_digits, hang_up, hold, send_keys, transfer};
pub use knowledge::search_knowledge;
pub use message::{CallerMessage, take_message};
pub use time::current_time;
