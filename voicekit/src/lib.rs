//! Put a voice agent on the phone: the session driver and the agent builder.
