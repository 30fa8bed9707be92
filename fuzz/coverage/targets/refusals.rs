#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| voicekit_fuzz::targets::refusals::run(data));
