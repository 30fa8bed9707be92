#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voicekit_fuzz::targets::wav::run(data));
