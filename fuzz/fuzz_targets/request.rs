//! A request is read or refused; what is read can be written and is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mdoc::request::DeviceRequest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = DeviceRequest::decode(bytes) else {
        return;
    };
    let again = DeviceRequest::decode(&request.encode()).expect("what is written can be read");
    assert_eq!(again.doc_requests(), request.doc_requests());
    assert_eq!(again.device_request_info(), request.device_request_info());
    assert_eq!(again.reader_auth_all(), request.reader_auth_all());
});
