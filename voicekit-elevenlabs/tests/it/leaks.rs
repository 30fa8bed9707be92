//! Nothing is left behind: neither tasks nor sockets.

use tokio::runtime::Handle;
use voicekit_testkit::repetitions;
use voicekit_testkit::server::Script;

use crate::support::{Manner, Talk, ms, service, speaking, voice};

#[tokio::test(start_paused = true)]
async fn replies_that_are_dropped_leave_neither_task_nor_socket() {
    let before = Handle::current().metrics().num_alive_tasks();
    let scripts = (0..20_000).map(|nth| match nth % 4 {
        0 => Script::new().answer(speaking(Manner { finals: false, ..Manner::default() })),
        1 => Script::new().until_text("One").cut(),
        2 => Script::new(),
        _ => Script::new().answer(speaking(Manner::default())),
    });
    let server = service(scripts);
    let voice = voice(&server);
    for nth in 0..repetitions(1_000) {
        let mut talk = Talk::begin(&voice, &["One. "]).await;
        match nth % 4 {
            // Before anything was done; while it connects; with text on its way; in the middle.
            0 => {}
            1 => talk.listen(ms(0)).await,
            2 => {
                let _ =
                    tokio::time::timeout(ms(1), futures::StreamExt::next(&mut talk.spoken)).await;
            }
            _ => {
                let first = futures::StreamExt::next(&mut talk.spoken);
                let _ = tokio::time::timeout(ms(100), first).await;
            }
        }
        drop(talk);
    }
    // As long as a send may hang.
    tokio::time::sleep(ms(10_000)).await;
    let open = server.connections().iter().filter(|one| !one.is_over).count();
    assert!(open <= 8, "{open} sockets wait, more than the pool may hold");
    drop(voice);
    tokio::time::sleep(ms(3_000)).await;
    let open = server.connections().iter().filter(|one| !one.is_over).count();
    assert_eq!(open, 0);
    drop(server);
    tokio::time::sleep(ms(10)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
