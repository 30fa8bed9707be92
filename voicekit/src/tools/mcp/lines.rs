//! Messages as lines over a stream: the standard input and output of a program, or a socket.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::message::{self, IdScan, LARGEST};

/// How long a program may take to end once its input is closed.
const LEAVE: Duration = Duration::from_secs(2);

/// A connection that carries one message per line. A line that is longer than [`LARGEST`] is an
/// error for its request; the connection goes on.
pub(super) struct Lines<R, W> {
    read: BufReader<R>,
    line: Vec<u8>,
    /// The id of the line that is too long, while the rest of it is skipped.
    skipping: Option<IdScan>,
    ready: VecDeque<ServerJsonRpcMessage>,
    write: Arc<Mutex<Option<W>>>,
    /// Killed when this is dropped.
    program: Option<Child>,
}

impl<R: AsyncRead, W: AsyncWrite> Lines<R, W> {
    pub(super) fn new(read: R, write: W, program: Option<Child>) -> Self {
        Self {
            read: BufReader::with_capacity(64 * 1024, read),
            line: Vec::new(),
            skipping: None,
            ready: VecDeque::new(),
            write: Arc::new(Mutex::new(Some(write))),
            program,
        }
    }

    /// Takes the next bytes, up to the end of a line. Returns how many were used.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        if let Some(scan) = &mut self.skipping {
            scan.feed(piece);
        } else if self.line.len() + piece.len() > LARGEST {
            let mut scan = IdScan::default();
            scan.feed(&self.line);
            scan.feed(piece);
            self.skipping = Some(scan);
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(piece);
        }
        if end.is_some() {
            self.end_line();
        }
        used
    }

    fn end_line(&mut self) {
        if let Some(scan) = self.skipping.take() {
            self.ready.extend(scan.id().map(message::too_large));
            return;
        }
        let line = std::mem::take(&mut self.line);
        if !line.trim_ascii().is_empty() {
            self.ready.extend(message::read(line.trim_ascii()));
        }
    }
}

impl<R, W> Transport<RoleClient> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let write = Arc::clone(&self.write);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut write = write.lock().await;
            let write = write.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            write.write_all(&line).await?;
            write.flush().await
        }
    }

    /// Cancel-safe: bytes are taken without waiting in between.
    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            let bytes = match self.read.fill_buf().await {
                Ok(bytes) => bytes.to_vec(),
                Err(error) => {
                    tracing::debug!(%error, "an MCP server cannot be read");
                    return None;
                }
            };
            if bytes.is_empty() {
                // The last line may lack its end.
                self.end_line();
                return self.ready.pop_front();
            }
            let used = self.take(&bytes);
            self.read.consume(used);
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        drop(self.write.lock().await.take());
        if let Some(mut program) = self.program.take()
            && timeout(LEAVE, program.wait()).await.is_err()
        {
            program.kill().await?;
        }
        Ok(())
    }
}
