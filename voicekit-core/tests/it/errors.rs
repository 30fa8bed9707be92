//! What an error shows.

use voicekit_core::error::{Error, ErrorKind};

#[test]
fn what_a_provider_says_is_kept_apart() {
    let said = "caller +15550142298 said \"my password is swordfish\"\u{1b}[31m";
    let error = Error::new(ErrorKind::Rejected, "service", "HTTP 400").with_detail(said);
    assert_eq!(error.detail(), Some(said));
    assert_eq!(error.to_string(), "service: HTTP 400");
    for shown in
        [format!("{error}"), format!("{error:?}"), format!("{error:#?}"), format!("{error:#}")]
    {
        assert!(!shown.contains("2298") && !shown.contains("swordfish"), "{shown}");
    }
    let kept = error.with_retry(voicekit_core::error::Retry::Never);
    assert_eq!(kept.detail(), Some(said), "it stays with the error");
    assert_eq!(kept.with_detail("").detail(), None);
}

#[test]
fn an_error_without_detail_has_none() {
    assert_eq!(Error::new(ErrorKind::Timeout, "service", "late").detail(), None);
}
