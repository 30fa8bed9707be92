//! Bringing a recording to its destination.

use std::time::Duration;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use voicekit_core::error::{Error, ErrorKind, Result, Retry};
use voicekit_core::retry::RetryPolicy;

use super::NAME;
use super::destination::Destination;
use super::spool::Spooled;

/// The size of a part, in bytes. S3 wants 5 MiB at least and 10,000 parts at most.
pub(super) const PART: usize = 8 * 1024 * 1024;

/// Uploads `spooled` and returns its key. It is tried again as a whole: what an attempt has left
/// behind is taken away first, as far as the store lets it.
pub(super) async fn upload(
    destination: &Destination,
    spooled: &Spooled,
    retry: &RetryPolicy,
    permits: &Semaphore,
) -> Result<Path> {
    let (mut key, mut failed) = (None, 0);
    loop {
        let error = {
            let _permit = permits.acquire().await;
            match attempt(destination, spooled, &mut key).await {
                Ok(key) => return Ok(key),
                Err(error) => error,
            }
        };
        let Some(wait) = retry.wait(failed, &error) else { return Err(error) };
        failed += 1;
        tracing::warn!(%error, ?wait, "an upload failed and is tried again");
        sleep(wait).await;
    }
}

/// The key is chosen once: an attempt whose success was not heard of must not leave a second copy.
async fn attempt(
    destination: &Destination,
    spooled: &Spooled,
    chosen: &mut Option<Path>,
) -> Result<Path> {
    let key = match chosen {
        Some(key) => key.clone(),
        None => destination.vacant(spooled.name()).await.map_err(refused)?,
    };
    *chosen = Some(key.clone());
    let on_disk = |error| {
        let what = "the directory of the recording cannot be used";
        Error::new(ErrorKind::Internal, NAME, what).with_source(error)
    };
    destination.prepare(&key).await.map_err(on_disk)?;
    put(destination, spooled, &key).await?;
    destination.seal(&key).await.map_err(on_disk)?;
    Ok(key)
}

async fn put(destination: &Destination, spooled: &Spooled, key: &Path) -> Result<()> {
    let first = spooled.read(0, PART).await?;
    if first.content_length() < PART {
        destination.store().put(key, first).await.map_err(refused)?;
        return Ok(());
    }
    drop(first);
    let mut parts = destination.store().put_multipart(key).await.map_err(refused)?;
    if let Err(error) = put_parts(spooled, &mut *parts).await {
        if let Err(error) = parts.abort().await {
            tracing::debug!(%error, "parts of a failed upload may be left at the store");
        }
        return Err(error);
    }
    Ok(())
}

/// One part at a time, so that one is in memory.
async fn put_parts(spooled: &Spooled, parts: &mut dyn MultipartUpload) -> Result<()> {
    let mut at = 0;
    loop {
        let part = spooled.read(at, PART).await?;
        let length = part.content_length();
        if length > 0 {
            parts.put_part(part).await.map_err(refused)?;
        }
        at += length as u64;
        if length < PART {
            parts.complete().await.map_err(refused)?;
            return Ok(());
        }
    }
}

/// What a store's error means. Its own text is in the source, where logs of errors do not show it:
/// stores quote requests in it.
fn refused(error: object_store::Error) -> Error {
    use object_store::Error as E;
    let (kind, what) = match &error {
        E::NotFound { .. } => (ErrorKind::Rejected, "the store has no such place"),
        E::PermissionDenied { .. } => {
            (ErrorKind::Unauthenticated, "the store does not let us write")
        }
        E::Unauthenticated { .. } => {
            (ErrorKind::Unauthenticated, "the store does not accept our credentials")
        }
        E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. } => {
            (ErrorKind::Rejected, "the store refused the recording")
        }
        E::InvalidPath { .. } | E::UnknownConfigurationKey { .. } => {
            (ErrorKind::Config, "the store cannot be used as it is set up")
        }
        E::NotSupported { .. } | E::NotImplemented { .. } => {
            (ErrorKind::Unsupported, "the store cannot do what is needed")
        }
        E::JoinError { .. } => (ErrorKind::Internal, "an upload's task was lost"),
        E::Generic { .. } | _ => (ErrorKind::Connection, "the upload failed"),
    };
    let error = Error::new(kind, NAME, what).with_source(error);
    if kind == ErrorKind::Internal { error.with_retry(Retry::After(Duration::ZERO)) } else { error }
}
