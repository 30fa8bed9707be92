//! The collection: what it is like, and making it.

use std::sync::{Mutex, PoisonError};

use voicekit_core::error::{Error, ErrorKind, Result};

use crate::client::For;
use crate::foreign::Fields;
use crate::wire::{self, Info, Layout, Params, Vector, Vectors, Version};
use crate::{Qdrant, error, point};

/// The oldest server that is known to do all that is asked of it, in the words of its own version.
const OLDEST: (u32, u32) = (1, 17);

/// What a collection is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The name of the vector of meaning; `None` if it has none.
    pub(crate) using: Option<String>,
    /// Its dimensions.
    pub(crate) size: usize,
    pub(crate) distance: String,
    /// Whether there are vectors of words.
    pub(crate) has_words: bool,
    pub(crate) layout: Layout,
    /// Whether this client has seen to its payload indexes.
    is_ready: bool,
}

/// What was seen of the collection last. It is looked at again when the server refuses something,
/// because others may have made it anew.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Option<Shape>>);

impl Known {
    pub(crate) fn shape(&self) -> Option<Shape> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, shape: Option<Shape>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shape;
    }
}

impl Qdrant {
    /// Makes the collection and its payload indexes, for embeddings as the embedder makes them, if
    /// they are not there. The first write does it too.
    ///
    /// # Errors
    ///
    /// `Config` if the collection is there and made for other embeddings, or the server is too old;
    /// what the embedder fails with; `Unauthenticated`, `Connection`, `Timeout`, `RateLimited`.
    pub async fn ensure(&self) -> Result<()> {
        let size = self.dimensions().await?;
        let shape = self.made_for(size).await?;
        match shape.mismatch(size) {
            Some(problem) => Err(error(ErrorKind::Config, problem)),
            None => Ok(()),
        }
    }

    /// Looks at the collection and opens a connection for the first search. When a call starts,
    /// this saves it three round trips.
    ///
    /// # Errors
    ///
    /// `Config` if the collection is not there or the server is too old; `Unauthenticated`,
    /// `Connection`, `Timeout`.
    pub async fn warm(&self) -> Result<()> {
        let limit = self.0.config.search_timeout;
        let look = tokio::time::timeout(limit, self.shape(For::Search));
        look.await.map_err(|_| late(limit))??.map(|_| ()).ok_or_else(|| self.missing())
    }

    /// How many dimensions the embedder's embeddings have.
    pub(crate) async fn dimensions(&self) -> Result<usize> {
        let embeddings = self.0.embedder.embed(&["dimensions".to_owned()]).await?;
        let size = embeddings.first().map_or(0, |embedding| embedding.values().len());
        if size == 0 {
            return Err(error(ErrorKind::Protocol, "the embedder gave no embedding"));
        }
        Ok(size)
    }

    /// What the collection is like; `None` if it is not there.
    pub(crate) async fn shape(&self, whom: For) -> Result<Option<Shape>> {
        if let Some(shape) = self.0.known.shape() {
            return Ok(Some(shape));
        }
        check_version(&self.0.client.version(whom).await?)?;
        let Some(info) = self.0.client.info(whom).await? else { return Ok(None) };
        let shape = self.shape_of(&info, whom).await?;
        // Who writes is not told how others' collections are read.
        if whom == For::Search || shape.layout == Layout::Own {
            self.0.known.set(Some(shape.clone()));
        }
        Ok(Some(shape))
    }

    /// The collection, made if it is not there, with all indexes, before anything is written: an
    /// index that is made later has to go through all points.
    pub(crate) async fn made_for(&self, size: usize) -> Result<Shape> {
        if let Some(shape) = self.0.known.shape().filter(|shape| shape.is_ready) {
            return Ok(shape);
        }
        let client = &self.0.client;
        check_version(&client.version(For::Write).await?)?;
        let info = match client.info(For::Write).await? {
            Some(info) => info,
            None => {
                client.create(&wire::create(&self.0.config, size)).await?;
                // Another may have been quicker: what is there counts.
                client.info(For::Write).await?.ok_or_else(|| self.missing())?
            }
        };
        let mut shape = self.shape_of(&info, For::Write).await?;
        if shape.mismatch(size).is_some() {
            return Ok(shape);
        }
        for (field, body) in wire::indexes(&self.0.config) {
            if !info.payload_schema.contains_key(&field) {
                client.put("index", body.to_string()).await?;
            }
        }
        shape.is_ready = true;
        self.0.known.set(Some(shape.clone()));
        Ok(shape)
    }

    async fn shape_of(&self, info: &Info, whom: For) -> Result<Shape> {
        let params = &info.config.params;
        let (using, vector) = self.vector(params)?;
        let is_named_as_own = using.as_deref() == Some(wire::DENSE);
        let layout = if is_named_as_own && info.payload_schema.contains_key("kind") {
            Layout::Own
        } else {
            let payloads = self.0.client.sample(whom).await?;
            let is_own = payloads.is_empty() || payloads.iter().any(point::is_own);
            match (is_named_as_own && is_own, whom) {
                (true, _) => Layout::Own,
                (false, For::Write) => Layout::Foreign(Fields::default()),
                (false, For::Search) => Layout::Foreign(Fields::of(&self.0.config, &payloads)?),
            }
        };
        let words = params.sparse_vectors.as_ref();
        let is_own = layout == Layout::Own;
        Ok(Shape {
            layout,
            using,
            size: vector.size,
            distance: vector.distance.clone(),
            has_words: is_own && words.is_some_and(|words| words.contains_key(wire::WORDS)),
            is_ready: false,
        })
    }

    /// The vector of meaning, and its name if it has one.
    fn vector<'a>(&self, params: &'a Params) -> Result<(Option<String>, &'a Vector)> {
        let name = &self.0.config.collection;
        let wrong = |problem: String| {
            error(ErrorKind::Config, format!("the collection {name:?} {problem}"))
        };
        let wanted = self.0.config.vector.as_deref();
        let named = match &params.vectors {
            Some(Vectors::Unnamed(vector)) => match wanted {
                None | Some("") => return Ok((None, vector)),
                Some(wanted) => {
                    let text = "has one vector without a name: remove it";
                    return Err(wrong(format!("{text} (vector is {wanted:?})")));
                }
            },
            Some(Vectors::Named(named)) if !named.is_empty() => named,
            Some(Vectors::Named(_)) | None => {
                let sparse = params.sparse_vectors.iter().flatten().next().is_some();
                let text = match sparse {
                    true => "has sparse vectors only, and none of meaning: name another",
                    false => "has no vectors: name another",
                };
                return Err(wrong(text.to_owned()));
            }
        };
        let all = || {
            let each = named.iter().map(|(name, vector)| {
                format!("{name:?} ({} dimensions, {})", vector.size, vector.distance)
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let found = match (wanted, named.len()) {
            (Some(wanted), _) => named.get_key_value(wanted).ok_or_else(|| {
                wrong(format!("has no vector {wanted:?}: set `vector` to one of {}", all()))
            })?,
            (None, 1) => named.iter().next().ok_or_else(|| wrong("has no vectors".to_owned()))?,
            (None, _) => named.get_key_value(wire::DENSE).ok_or_else(|| {
                wrong(format!("has several vectors: set `vector` to one of {}", all()))
            })?,
        };
        Ok((Some(found.0.clone()), found.1))
    }

    pub(crate) fn missing(&self) -> Error {
        let name = &self.0.config.collection;
        let text = format!("the collection {name:?} is not there: ingest documents first");
        error(ErrorKind::Config, text)
    }
}

impl Shape {
    /// Why embeddings of `size` dimensions cannot be kept, if they cannot.
    pub(crate) fn mismatch(&self, size: usize) -> Option<String> {
        if let Layout::Foreign(_) = self.layout {
            let text =
                "the collection was made by somebody else and is only searched: name another";
            return Some(text.to_owned());
        }
        if self.distance != "Cosine" {
            let distance = &self.distance;
            return Some(format!(
                "the collection compares by {distance}, not by Cosine: name another, or delete it \
                 and ingest again"
            ));
        }
        let own = self.size;
        (own != size).then(|| {
            format!(
                "an embedding has {size} dimensions, the collection {own}: use the embedder that \
                 wrote it, or name another collection"
            )
        })
    }
}

fn check_version(found: &Version) -> Result<()> {
    let (major, minor) = OLDEST;
    let text = &found.version;
    match found.numbers() {
        None => {
            let text = format!("the server says that its version is {text:?}: is it Qdrant?");
            Err(error(ErrorKind::Protocol, text))
        }
        Some(numbers) if numbers < OLDEST => {
            let text = format!("the server is Qdrant {text}; {major}.{minor} or later is needed");
            Err(error(ErrorKind::Config, text))
        }
        Some(_) => Ok(()),
    }
}

pub(crate) fn late(limit: std::time::Duration) -> Error {
    error(ErrorKind::Timeout, format!("no passages within {} ms", limit.as_millis()))
}
