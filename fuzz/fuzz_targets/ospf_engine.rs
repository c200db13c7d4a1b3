#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| waypost_fuzzing::ospf_engine(octets));
