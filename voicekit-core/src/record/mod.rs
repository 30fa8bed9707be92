//! Recording a call: two tracks on media time, and the files they become.
//!
//! Nothing here reads a clock or writes a file: [`timeline::Timeline`] places samples where the
//! media say they belong, [`wav`] turns samples into bytes and back, and [`recording::Recording`] does
//! both while a call goes on.

pub mod recording;
pub mod timeline;
pub mod wav;
