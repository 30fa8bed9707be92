//! A Qdrant server: collections in memory, searched exactly.
//!
//! ```
//! use voicekit_testkit::server::http::HttpServer;
//! use voicekit_testkit::server::provider::qdrant::Qdrant;
//!
//! let qdrant = Qdrant::new().with_key("secret");
//! let service = qdrant.clone();
//! let server = HttpServer::in_memory_answering(move |asked| service.answer(asked));
//! # let _ = (server, qdrant.count("kb"));
//! ```
//!
//! It follows the OpenAPI description of Qdrant 1.19: collections with named, unnamed and sparse
//! vectors, payload indexes, upserting, deleting, scrolling, counting, and queries by a vector, by
//! words and by fusion. What is written without `wait=true` is seen only by the request after the
//! next. It refuses what a server refuses, in the server's words, and more: fields that it does not
//! know, which a server may overlook. Ids are unsigned integers or UUIDs.

mod collection;
mod filter;
mod request;
mod search;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::collection::{Collection, Write};
use self::request::{CountPoints, CreateCollection, CreateIndex, Delete, Scroll, Upsert};
use crate::server::http::{Answer, Asked};

/// The largest body that is taken, in bytes: `service.max_request_size_mb`.
const LARGEST: usize = 32 << 20;

/// The server's state. Clones share it.
#[derive(Clone)]
pub struct Qdrant(Arc<Mutex<State>>);

struct State {
    version: String,
    key: Option<String>,
    is_strict: bool,
    delay: Duration,
    collections: BTreeMap<String, Collection>,
    operations: u64,
    failures: VecDeque<Failure>,
    /// How many more requests it lives for.
    lives: Option<usize>,
}

/// What happens to the next request whose method and target contain `on`.
struct Failure {
    on: String,
    answer: Answer,
    is_carried_out: bool,
}

/// A status and what went wrong.
#[derive(Debug)]
struct Refused(u16, String);

type Outcome<T = Value> = Result<T, Refused>;

impl Default for Qdrant {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Qdrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Qdrant").field("collections", &state.collections.keys()).finish()
    }
}

impl Qdrant {
    /// A server of version 1.19.0 without a collection, whose key is not asked for.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            version: "1.19.0".to_owned(),
            key: None,
            is_strict: false,
            delay: Duration::ZERO,
            collections: BTreeMap::new(),
            operations: 0,
            failures: VecDeque::new(),
            lives: None,
        })))
    }

    /// Says it is of this version.
    #[must_use]
    pub fn with_version(self, version: &str) -> Self {
        version.clone_into(&mut self.state().version);
        self
    }

    /// Refuses requests without this key.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        self.state().key = Some(key.to_owned());
        self
    }

    /// Refuses to filter by what has no payload index: strict mode.
    #[must_use]
    pub fn with_strict_mode(self) -> Self {
        self.state().is_strict = true;
        self
    }

    /// How long every answer takes. Default: no time.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        self.state().delay = delay;
        self
    }

    /// Gives `answer` to the next request whose method and target contain `on` (`POST
    /// /collections/kb/points/query?timeout=1`) and does nothing. Several are used up in turn.
    pub fn fail(&self, on: &str, answer: Answer) {
        let failure = Failure { on: on.to_owned(), answer, is_carried_out: false };
        self.state().failures.push_back(failure);
    }

    /// Does what the next such request asks for and closes the connection without an answer.
    pub fn lose(&self, on: &str) {
        let answer = Answer::hang_up();
        let failure = Failure { on: on.to_owned(), answer, is_carried_out: true };
        self.state().failures.push_back(failure);
    }

    /// Answers so many more requests, and closes the connection on all after them until it is
    /// [revived](Self::revive).
    pub fn die_after(&self, requests: usize) {
        self.state().lives = Some(requests);
    }

    /// Answers again.
    pub fn revive(&self) {
        self.state().lives = None;
    }

    /// Removes a collection, as somebody else might.
    pub fn remove(&self, collection: &str) {
        self.state().collections.remove(collection);
    }

    /// How many points a collection has; `None` if there is no such collection.
    pub fn count(&self, collection: &str) -> Option<usize> {
        Some(self.state().collections.get(collection)?.points.len())
    }

    /// The payloads of a collection's points.
    pub fn payloads(&self, collection: &str) -> Vec<Value> {
        let state = self.state();
        let points = state.collections.get(collection).map(|found| found.points.values());
        points.into_iter().flatten().map(|point| Value::Object(point.payload.clone())).collect()
    }

    /// The answer to a request.
    pub fn answer(&self, asked: &Asked) -> Answer {
        let mut state = self.state();
        match &mut state.lives {
            Some(0) => return Answer::hang_up(),
            Some(lives) => *lives -= 1,
            None => {}
        }
        let line = format!("{} {}", asked.method, asked.target);
        let at = state.failures.iter().position(|failure| line.contains(&failure.on));
        if let Some(failure) = at.and_then(|at| state.failures.remove(at)) {
            if failure.is_carried_out {
                let _ = state.handle(asked);
            }
            return failure.answer;
        }
        let answer = state.handle(asked);
        let delay = state.delay;
        if delay.is_zero() { answer } else { answer.after(delay) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn handle(&mut self, asked: &Asked) -> Answer {
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if (asked.method.as_str(), segments.as_slice()) == ("GET", &[""]) {
            let version = json!({"title": "qdrant - vector search engine",
                "version": self.version, "commit": "0"});
            return Answer::json(200, version.to_string());
        }
        if let Some(refused) = self.stranger(asked) {
            return refused;
        }
        let outcome =
            Options::read(query).and_then(|options| self.route(asked, &segments, options));
        match outcome {
            Ok(result) => {
                let body =
                    json!({"result": result, "status": "ok", "time": 0.000_1, "usage": null});
                Answer::json(200, body.to_string())
            }
            Err(Refused(status, error)) => {
                let body = json!({"status": {"error": error}, "time": 0.000_1});
                Answer::json(status, body.to_string())
            }
        }
    }

    /// What those are told that have no key.
    fn stranger(&self, asked: &Asked) -> Option<Answer> {
        let key = self.key.as_deref()?;
        let bearer = asked.header("authorization").strip_prefix("Bearer ");
        match bearer.unwrap_or_else(|| asked.header("api-key")) {
            given if given == key => None,
            "" => {
                let text = "Must provide an API key or an Authorization bearer token";
                Some(Answer::new(401).then(text))
            }
            _ => Some(Answer::new(401).then("Invalid API key or JWT")),
        }
    }

    fn route(&mut self, asked: &Asked, segments: &[&str], options: Options) -> Outcome {
        if asked.body.len() > LARGEST {
            let text = format!("JSON payload ({} bytes) is larger than allowed", asked.body.len());
            return Err(Refused(413, text));
        }
        let ["collections", name, rest @ ..] = segments else { return Err(no_route()) };
        match (asked.method.as_str(), rest) {
            ("GET", ["exists"]) => Ok(json!({"exists": self.collections.contains_key(*name)})),
            ("PUT", []) => self.create(name, body(asked)?),
            ("DELETE", []) => Ok(json!(self.collections.remove(*name).is_some())),
            ("GET", []) => Ok(self.collection(name)?.describe()),
            ("PUT", ["index"]) => {
                let index: CreateIndex = body(asked)?;
                self.collection(name)?.index(index)?;
                Ok(self.done(true))
            }
            ("PUT", ["points"]) => {
                let points = body::<Upsert>(asked)?;
                let points = self.collection(name)?.checked(points)?;
                self.write(name, Write::Upsert(points), options)
            }
            ("POST", ["points", "delete"]) => {
                let delete: Delete = body(asked)?;
                let strict = self.is_strict;
                self.collection(name)?.allows(delete.filter(), strict)?;
                self.write(name, Write::Delete(delete), options)
            }
            ("POST", ["points", "scroll"]) => {
                let scroll: Scroll = body(asked)?;
                self.read(name, scroll.filter.as_ref(), |found| found.scroll(&scroll))
            }
            ("POST", ["points", "count"]) => {
                let count: CountPoints = body(asked)?;
                self.read(name, count.filter.as_ref(), |found| found.count(&count))
            }
            ("POST", ["points", "query"]) => {
                let query: request::Query = body(asked)?;
                let strict = self.is_strict;
                let found = self.collection(name)?;
                for filter in query.filters() {
                    found.allows(Some(filter), strict)?;
                }
                let answer = search::answer(found, &query);
                found.settle();
                answer
            }
            _ => Err(no_route()),
        }
    }

    fn create(&mut self, name: &str, create: CreateCollection) -> Outcome {
        let is_name = !name.is_empty() && name.len() <= 255;
        if !is_name || name.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\0']) {
            return Err(Refused(422, format!("collection name {name:?} is not valid")));
        }
        if self.collections.contains_key(name) {
            let text = format!("Wrong input: Collection `{name}` already exists!");
            return Err(Refused(409, text));
        }
        self.collections.insert(name.to_owned(), Collection::new(create)?);
        Ok(json!(true))
    }

    fn read(
        &mut self,
        name: &str,
        filter: Option<&filter::Filter>,
        read: impl FnOnce(&Collection) -> Outcome,
    ) -> Outcome {
        let strict = self.is_strict;
        let found = self.collection(name)?;
        found.allows(filter, strict)?;
        let answer = read(found);
        found.settle();
        answer
    }

    fn write(&mut self, name: &str, write: Write, options: Options) -> Outcome {
        let found = self.collection(name)?;
        found.settle();
        found.pending.push(write);
        if options.wait {
            found.settle();
        }
        Ok(self.done(options.wait))
    }

    fn done(&mut self, wait: bool) -> Value {
        self.operations += 1;
        let status = if wait { "completed" } else { "acknowledged" };
        json!({"operation_id": self.operations, "status": status})
    }

    fn collection(&mut self, name: &str) -> Outcome<&mut Collection> {
        let missing = || Refused(404, format!("Not found: Collection `{name}` doesn't exist!"));
        self.collections.get_mut(name).ok_or_else(missing)
    }
}

/// What stands behind the question mark.
#[derive(Clone, Copy)]
struct Options {
    wait: bool,
}

impl Options {
    fn read(query: &str) -> Outcome<Self> {
        let mut options = Self { wait: false };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let is_known = match &*name {
                "wait" => {
                    options.wait = value == "true";
                    value.parse::<bool>().is_ok()
                }
                "timeout" => value.parse::<u64>().is_ok_and(|seconds| seconds >= 1),
                "ordering" => matches!(&*value, "weak" | "medium" | "strong"),
                _ => false,
            };
            if !is_known {
                let text = format!("Query deserialize error: {name}={value}");
                return Err(Refused(400, text));
            }
        }
        Ok(options)
    }
}

fn body<T: DeserializeOwned>(asked: &Asked) -> Outcome<T> {
    if !asked.header("content-type").starts_with("application/json") {
        return Err(Refused(400, "Content type error".to_owned()));
    }
    serde_json::from_slice(&asked.body).map_err(|error| {
        let status = if error.is_data() { 422 } else { 400 };
        Refused(status, format!("Format error in JSON body: {error}"))
    })
}

fn no_route() -> Refused {
    Refused(404, "there is no such path".to_owned())
}

fn wrong_input(text: impl fmt::Display) -> Refused {
    Refused(400, format!("Wrong input: {text}"))
}

/// A segment of a path, without percent-encoding.
fn decoded(segment: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), segment.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        (bytes, rest) = match code {
            Some(byte) => ([&bytes[..], &[byte]].concat(), &after[2..]),
            None => ([&bytes[..], &[*first]].concat(), after),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
