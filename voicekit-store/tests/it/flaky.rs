//! A store that fails when it is told to.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::BoxStream;
use voicekit_store::recordings::object_store::memory::InMemory;
use voicekit_store::recordings::object_store::path::Path;
use voicekit_store::recordings::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

/// How many requests of each kind fail before one succeeds.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) heads: AtomicU32,
    pub(crate) puts: AtomicU32,
    /// Of the parts, those after the first.
    pub(crate) parts: AtomicU32,
    pub(crate) completions: AtomicU32,
    pub(crate) aborted: AtomicU32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Flaky {
    store: Arc<InMemory>,
    pub(crate) faults: Arc<Faults>,
}

fn fails(left: &AtomicU32) -> Result<()> {
    let take = |left: u32| left.checked_sub(1);
    match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(_) => Err(Error::Generic { store: "flaky", source: "told to fail".into() }),
        Err(_) => Ok(()),
    }
}

impl Flaky {
    pub(crate) async fn read(&self, key: &str) -> Bytes {
        self.store.get(&Path::from(key)).await.unwrap().bytes().await.unwrap()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        use futures::TryStreamExt;
        let list = self.store.list(None).map_ok(|meta| meta.location.to_string());
        let mut keys: Vec<String> = list.try_collect().now_or_never().unwrap().unwrap();
        keys.sort();
        keys
    }
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flaky")
    }
}

#[async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(&self, key: &Path, data: PutPayload, o: PutOptions) -> Result<PutResult> {
        fails(&self.faults.puts)?;
        self.store.put_opts(key, data, o).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.store.put_multipart_opts(key, options).await?;
        Ok(Box::new(FlakyUpload { upload, faults: Arc::clone(&self.faults), parts: 0 }))
    }

    async fn get_opts(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        fails(&self.faults.heads)?;
        self.store.get_opts(key, options).await
    }

    async fn get_ranges(&self, key: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(key, ranges).await
    }

    fn delete_stream(
        &self,
        keys: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FlakyUpload {
    upload: Box<dyn MultipartUpload>,
    faults: Arc<Faults>,
    parts: u32,
}

#[async_trait]
impl MultipartUpload for FlakyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts += 1;
        let fault = if self.parts > 1 { fails(&self.faults.parts) } else { Ok(()) };
        match fault {
            Ok(()) => self.upload.put_part(data),
            Err(error) => async { Err(error) }.boxed(),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        fails(&self.faults.completions)?;
        self.upload.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.faults.aborted.fetch_add(1, Ordering::Relaxed);
        self.upload.abort().await
    }
}
