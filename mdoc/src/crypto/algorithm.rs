//! Names: curves, signature algorithms and hashes, with their COSE identifiers.

/// A curve of COSE (RFC 9053 §7.1 and the ISO registrations for brainpool).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// Key agreement on Curve25519.
    X25519,
    /// Key agreement on Curve448. Not implemented; named so that it can be refused by name.
    X448,
    /// Signatures on Curve25519.
    Ed25519,
    /// Signatures on Curve448. Not implemented; named so that it can be refused by name.
    Ed448,
    /// brainpoolP256r1.
    BrainpoolP256r1,
    /// brainpoolP320r1.
    BrainpoolP320r1,
    /// brainpoolP384r1.
    BrainpoolP384r1,
    /// brainpoolP512r1.
    BrainpoolP512r1,
}

impl Curve {
    /// Every curve, in the order of the COSE identifiers.
    pub const ALL: [Self; 11] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::X25519,
        Self::X448,
        Self::Ed25519,
        Self::Ed448,
        Self::BrainpoolP256r1,
        Self::BrainpoolP320r1,
        Self::BrainpoolP384r1,
        Self::BrainpoolP512r1,
    ];

    /// The identifier under label -1 of a COSE_Key.
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::P256 => 1,
            Self::P384 => 2,
            Self::P521 => 3,
            Self::X25519 => 4,
            Self::X448 => 5,
            Self::Ed25519 => 6,
            Self::Ed448 => 7,
            Self::BrainpoolP256r1 => 256,
            Self::BrainpoolP320r1 => 257,
            Self::BrainpoolP384r1 => 258,
            Self::BrainpoolP512r1 => 259,
        }
    }

    /// The curve with this COSE identifier.
    pub fn from_cose_id(id: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.cose_id() == id)
    }

    /// The name used in reports and document profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::X25519 => "X25519",
            Self::X448 => "X448",
            Self::Ed25519 => "Ed25519",
            Self::Ed448 => "Ed448",
            Self::BrainpoolP256r1 => "brainpoolP256r1",
            Self::BrainpoolP320r1 => "brainpoolP320r1",
            Self::BrainpoolP384r1 => "brainpoolP384r1",
            Self::BrainpoolP512r1 => "brainpoolP512r1",
        }
    }

    /// The curve with this name, to the letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of one coordinate (EC2), or of the public key (OKP).
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 | Self::X25519 | Self::Ed25519 | Self::BrainpoolP256r1 => 32,
            Self::BrainpoolP320r1 => 40,
            Self::P384 | Self::BrainpoolP384r1 => 48,
            Self::X448 => 56,
            Self::Ed448 => 57,
            Self::BrainpoolP512r1 => 64,
            Self::P521 => 66,
        }
    }

    /// The length of the group's order in bits: what the strength of a key is counted by. That of
    /// Curve25519 is a little over 2^252, that of Curve448 a little under 2^446.
    pub const fn order_bits(self) -> u16 {
        match self {
            Self::P256 | Self::BrainpoolP256r1 => 256,
            Self::BrainpoolP320r1 => 320,
            Self::P384 | Self::BrainpoolP384r1 => 384,
            Self::BrainpoolP512r1 => 512,
            Self::P521 => 521,
            Self::X25519 | Self::Ed25519 => 253,
            Self::X448 | Self::Ed448 => 446,
        }
    }

    /// Whether a key of this curve has two coordinates (key type EC2) and not one (OKP).
    pub const fn is_ec2(self) -> bool {
        !matches!(self, Self::X25519 | Self::X448 | Self::Ed25519 | Self::Ed448)
    }
}

/// A COSE signature algorithm of ISO/IEC 18013-5 Table 22.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA with SHA-256.
    Es256,
    /// ECDSA with SHA-384.
    Es384,
    /// ECDSA with SHA-512.
    Es512,
    /// Ed25519 or Ed448, by the key.
    EdDsa,
}

impl SignatureAlgorithm {
    /// The algorithm with this identifier under label 1 of a COSE header.
    pub const fn from_cose_id(id: i64) -> Option<Self> {
        match id {
            -7 => Some(Self::Es256),
            -35 => Some(Self::Es384),
            -36 => Some(Self::Es512),
            -8 => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// The identifier under label 1 of a COSE header.
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::Es512 => -36,
            Self::EdDsa => -8,
        }
    }

    /// The algorithm that ISO/IEC 18013-5 pairs with keys on `curve`; `None` for a curve that signs nothing.
    pub fn of_curve(curve: Curve) -> Option<Self> {
        let all = [Self::Es256, Self::Es384, Self::Es512, Self::EdDsa];
        all.into_iter().find(|algorithm| algorithm.fits(curve))
    }

    /// Whether ISO/IEC 18013-5 pairs this algorithm with keys on `curve`, a stricter rule than COSE's.
    pub const fn fits(self, curve: Curve) -> bool {
        matches!(
            (self, curve),
            (Self::Es256, Curve::P256 | Curve::BrainpoolP256r1)
                | (
                    Self::Es384,
                    Curve::P384 | Curve::BrainpoolP320r1 | Curve::BrainpoolP384r1
                )
                | (Self::Es512, Curve::P521 | Curve::BrainpoolP512r1)
                | (Self::EdDsa, Curve::Ed25519 | Curve::Ed448)
        )
    }

    /// The hash that ECDSA signs. EdDSA hashes by itself; the value is then not used.
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::Es256 => HashAlgorithm::Sha256,
            Self::Es384 => HashAlgorithm::Sha384,
            Self::Es512 | Self::EdDsa => HashAlgorithm::Sha512,
        }
    }
}

/// A hash of the MSO's `digestAlgorithm` and of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A hash value of 32, 48 or 64 bytes, without an allocation.
#[derive(Clone, Copy)]
pub struct Digest {
    bytes: [u8; 64],
    len: usize,
}

impl HashAlgorithm {
    /// The hash named so in an MSO: `SHA-256`, `SHA-384` or `SHA-512`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "SHA-256" => Some(Self::Sha256),
            "SHA-384" => Some(Self::Sha384),
            "SHA-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Length of the hash value in bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The hash of the concatenation of `parts`.
    pub fn digest(self, parts: &[&[u8]]) -> Digest {
        let mut bytes = [0; 64];
        #[cfg(feature = "aws-lc")]
        {
            let digest = super::backend::aws_lc::hash_parts(self, parts);
            if let Some(front) = bytes.get_mut(..self.output_len()) {
                front.copy_from_slice(digest.as_ref());
            }
        }
        #[cfg(not(feature = "aws-lc"))]
        super::backend::rust_crypto::hash_parts(self, parts, &mut bytes);
        Digest {
            bytes,
            len: self.output_len(),
        }
    }
}

impl Digest {
    /// The hash value.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}
