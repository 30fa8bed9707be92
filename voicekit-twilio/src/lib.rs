//! Twilio for voicekit: webhook, signature and media-stream transport.
