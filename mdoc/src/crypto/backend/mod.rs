//! The two backends that verify signatures.

#[cfg(feature = "aws-lc")]
pub(super) mod aws_lc;
pub(super) mod brainpool;
pub(super) mod rust_crypto;

/// Who verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// aws-lc-rs. NIST curves and Ed25519; brainpool falls to RustCrypto.
    #[cfg(feature = "aws-lc")]
    AwsLc,
    /// The RustCrypto crates, for every curve.
    RustCrypto,
}

impl Backend {
    /// The backend that this build verifies with.
    pub const DEFAULT: Self = {
        #[cfg(feature = "aws-lc")]
        {
            Self::AwsLc
        }
        #[cfg(not(feature = "aws-lc"))]
        {
            Self::RustCrypto
        }
    };
}
