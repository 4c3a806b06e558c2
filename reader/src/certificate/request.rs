//! A request for a reader's certificate, with a key that is made where there is none.

use std::path::Path;

use mdoc::crypto::{Signer, SigningKey, generate_pkcs8};
use mdoc::x509::CertificationRequest;

use super::arguments::Request;
use super::others_may_read;
use crate::counter::StartError;
use crate::identity::{KeyPlace, load_key};
use crate::say;
#[cfg(feature = "pkcs11")]
use crate::token::{Made, TokenKey, TokenPlace};

pub(super) fn run(flags: &Request) -> Result<(), StartError> {
    // Before a key is made for it.
    CertificationRequest::check_subject(&flags.subject)
        .map_err(|error| StartError::Argument(format!("--subject: {error}")))?;
    let to_output = flags.out == Path::new("-");
    if !to_output && flags.out.symlink_metadata().is_ok() {
        return Err(StartError::File {
            path: flags.out.clone(),
            fault: "is there already and is not written over; name a new file".to_owned(),
        });
    }
    match flags.key.place()? {
        Some(KeyPlace::File(file)) => write(flags, &find_or_make(flags, file)?),
        #[cfg(feature = "pkcs11")]
        Some(KeyPlace::Token(uri, pin_variable)) => {
            let place = TokenPlace::new(uri, pin_variable)?;
            let (key, made) = TokenKey::find_or_make(place, flags.curve.curve())?;
            say(match made {
                Made::New => "made a new key in the token, which cannot be taken out of it",
                Made::Found => "the key in the token is used as it is",
            });
            write(flags, &key)
        }
        None => Err(StartError::Argument(
            "say with --key or --pkcs11 where the key is".to_owned(),
        )),
    }
}

/// The key of the file, made there where there is no file.
fn find_or_make(flags: &Request, file: &Path) -> Result<SigningKey, StartError> {
    if file.symlink_metadata().is_err() {
        // The operating system's source; where it fails there is nothing to go on with.
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let pem = generate_pkcs8(flags.curve.curve(), &mut random)
            .map_err(|error| StartError::Argument(error.to_string()))?;
        operator::write_new_private_file(file, pem.as_bytes())?;
        say(&format!(
            "made a new key in {}; keep it, and keep it secret",
            file.display()
        ));
    } else {
        say(&format!("the key in {} is used as it is", file.display()));
        if others_may_read(file) {
            say("warning: others may read the key; take that right away (chmod 600)");
        }
    }
    load_key(file)
}

fn write(flags: &Request, key: &dyn Signer) -> Result<(), StartError> {
    let refused = |error: mdoc::x509::CertificationRequestError| StartError::Argument(error.to_string());
    let request = CertificationRequest::for_reader(&flags.subject, key).map_err(refused)?;
    let pem = request.to_pem().map_err(refused)?;
    if flags.out == Path::new("-") {
        crate::print(&pem);
        return Ok(());
    }
    operator::write_new_file(&flags.out, pem.as_bytes())?;
    say(&format!(
        "wrote the request to {}; send it to the authority of readers, and look at what comes back with reader certificate check",
        flags.out.display()
    ));
    Ok(())
}
