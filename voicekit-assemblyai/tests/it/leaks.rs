//! Nothing is left behind: neither tasks nor sockets.

use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use voicekit_testkit::repetitions;

use crate::contract::hearing_service;
use crate::support::{Call, config, ms};

#[tokio::test(start_paused = true)]
async fn streams_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let server = hearing_service();
    for nth in 0..repetitions(1_000) {
        let mut call = Call::open(config(), &server).await;
        // Before anything was done; while it connects; with audio on its way; in talk.
        match nth % 4 {
            0 => {}
            1 => drop(timeout(ms(0), call.events.next()).await),
            2 => {
                call.audio(100);
                let _ = timeout(ms(1), call.events.next()).await;
            }
            _ => {
                call.audio(100);
                call.events.next().await.unwrap().unwrap();
            }
        }
    }
    // As long as anything may hang.
    sleep(ms(10_000)).await;
    assert!(server.connections().len() > repetitions(250), "{}", server.connections().len());
    assert_eq!(server.open_connections(), 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
