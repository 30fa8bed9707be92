//! The publisher's own download.

use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

use super::Failure;
use super::part::Part;

/// To find the host, and again to connect to it: there are other sources.
const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(15);
/// One connection lives no longer than this, so that a dead one is left; the download then goes
/// on with the next.
const ONE_CONNECTION: Duration = Duration::from_secs(120);

/// Downloads `url`, continuing what an earlier try left, as long as each connection brings more.
pub(super) fn download(url: &str, part: &mut Part<'_>) -> Result<(), Failure> {
    let agent = agent();
    loop {
        let start = part.written();
        let result = continue_from(start, url, &agent, part).and_then(|()| part.finish());
        match result {
            Err(failure) if is_worth_continuing(&failure) && part.written() > start => {}
            result => return result,
        }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(FIRST_BYTE))
        .timeout_recv_body(Some(ONE_CONNECTION))
        .http_status_as_error(false)
        .user_agent(concat!("voicekit/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

fn continue_from(start: u64, url: &str, agent: &Agent, part: &mut Part<'_>) -> Result<(), Failure> {
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if start > 0 {
        request = request.header(header::RANGE, format!("bytes={start}-"));
    }
    let mut response = request.call().map_err(Box::new)?;
    let start = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(start) => start,
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
            return Err(part.discard());
        }
        other => return Err(Failure::Status(other.as_u16())),
    };
    part.write(start, &mut response.body_mut().as_reader())
}

/// The first byte in the body, from `Content-Range: bytes FIRST-LAST/ALL`.
fn range_start<B>(response: &Response<B>) -> Option<u64> {
    let value = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    value.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn is_worth_continuing(failure: &Failure) -> bool {
    match failure {
        Failure::Truncated(..) | Failure::Io(_) => true,
        Failure::WrongContents
        | Failure::NotFound
        | Failure::Http(_)
        | Failure::Status(_)
        | Failure::Archive(_)
        | Failure::NoProgram { .. }
        | Failure::Pip(_) => false,
    }
}
