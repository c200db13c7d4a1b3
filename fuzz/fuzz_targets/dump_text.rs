#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| waypost_fuzzing::dump_text(octets));
