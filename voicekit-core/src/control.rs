//! Call control: what a carrier does to a call beside carrying its sound.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};

/// What a carrier can do to one call; given by [`Transport::control`].
///
/// [`Transport::control`]: crate::transport::Transport::control
///
/// # Contract
///
/// 1. `Ok` means that the carrier has taken the order. The line usually ends then; its events say
///    so.
/// 2. After an error the call is as it was, as far as the carrier tells.
/// 3. An order is given once. It is tried again only where the carrier has refused the attempt.
/// 4. No error holds a number.
#[async_trait]
pub trait CallControl: fmt::Debug + Send + Sync + 'static {
    /// Connects the caller to somebody else.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the carrier cannot do it like this, `Config` if credentials are missing,
    /// otherwise what the carrier says.
    async fn transfer(&self, to: &Transfer) -> Result<()>;

    /// Presses keys towards the other party.
    ///
    /// # Errors
    ///
    /// As [`transfer`](Self::transfer).
    async fn press(&self, keys: &Keys) -> Result<()>;

    /// Has the carrier ask `url` what to do with the call from here on, as it asked when the call
    /// came in. Default: the carrier cannot.
    ///
    /// # Errors
    ///
    /// As [`transfer`](Self::transfer).
    async fn redirect(&self, url: &str) -> Result<()> {
        let _ = url;
        let text = "this line's carrier cannot ask elsewhere what to do with a call";
        Err(Error::new(ErrorKind::Unsupported, "call", text))
    }
}

/// Whom a caller is transferred to, and how.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// A number as E.164 (`+15551230003`) or an address (`sip:…`).
    pub to: String,
    /// The number that whoever is called sees. Default: the carrier's choice.
    pub caller_id: Option<String>,
    /// How long it may ring. Default: 30 s.
    pub ring: Duration,
    /// Keys that are pressed once they pick up, such as an extension. Default: none.
    pub keys: Option<Keys>,
    /// What whoever picks up is told before the caller joins, which makes the transfer a warm one.
    /// Default: nothing, the caller is connected at once.
    pub announcement: Option<String>,
}

impl Transfer {
    /// A cold transfer to `to`, with the defaults.
    pub fn to(to: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            caller_id: None,
            ring: Duration::from_secs(30),
            keys: None,
            announcement: None,
        }
    }

    /// Sets [`caller_id`](Self::caller_id).
    #[must_use]
    pub fn with_caller_id(mut self, number: impl Into<String>) -> Self {
        self.caller_id = Some(number.into());
        self
    }

    /// Sets [`ring`](Self::ring).
    #[must_use]
    pub fn with_ring(mut self, ring: Duration) -> Self {
        self.ring = ring;
        self
    }

    /// Sets [`keys`](Self::keys).
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Sets [`announcement`](Self::announcement): the transfer is a warm one.
    #[must_use]
    pub fn with_announcement(mut self, text: impl Into<String>) -> Self {
        self.announcement = Some(text.into());
        self
    }
}

/// Numbers are personal data: only how it is done is shown.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("ring", &self.ring)
            .field("warm", &self.announcement.is_some())
            .finish_non_exhaustive()
    }
}

/// Keys to press: `0`–`9`, `*`, `#`, and `w` for a pause of half a second; 1 to 32 of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys(String);

impl Keys {
    /// The most at once: what carriers take.
    pub const MOST: usize = 32;

    /// These keys. Spaces and hyphens between them are left out.
    ///
    /// # Errors
    ///
    /// `Unsupported` if one is not a key, or there are none or more than [`MOST`](Self::MOST).
    pub fn new(keys: &str) -> Result<Self> {
        let wrong = |what: String| Err(Error::new(ErrorKind::Unsupported, "keys", what));
        let pressed = |c: &char| !matches!(c, ' ' | '-');
        let keys: String = keys.chars().filter(pressed).collect();
        if let Some(other) = keys.chars().find(|c| !matches!(c, '0'..='9' | '*' | '#' | 'w')) {
            return wrong(format!("{other:?} is not a key: 0 to 9, *, # and w for a pause are"));
        }
        if keys.is_empty() || keys.len() > Self::MOST {
            return wrong(format!("{} keys, not 1 to {}", keys.len(), Self::MOST));
        }
        Ok(Self(keys))
    }

    /// The keys as they are printed on the telephone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keys may be an account number or a PIN: only how many is shown.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}
