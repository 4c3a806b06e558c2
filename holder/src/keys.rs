//! Signing keys of the test issuer and the simulated device.

use ciborium::Value;
use ecdsa::elliptic_curve::ecdh::diffie_hellman;
use ecdsa::elliptic_curve::ops::Invert;
use ecdsa::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use ecdsa::elliptic_curve::subtle::CtOption;
use ecdsa::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, Generate as _, PublicKey, Scalar};
use ecdsa::signature::Signer as _;
use ecdsa::signature::hazmat::PrehashSigner as _;
use mdoc::crypto::{Curve, HashAlgorithm};
use rand_core::CryptoRng;

/// A private key. Signatures are deterministic (RFC 6979, RFC 8032).
#[derive(Clone)]
pub enum SigningKey {
    /// NIST P-256.
    P256(ecdsa::SigningKey<p256::NistP256>),
    /// NIST P-384.
    P384(ecdsa::SigningKey<p384::NistP384>),
    /// NIST P-521.
    P521(ecdsa::SigningKey<p521::NistP521>),
    /// brainpoolP256r1.
    BrainpoolP256r1(ecdsa::SigningKey<bp256::BrainpoolP256r1>),
    /// brainpoolP384r1.
    BrainpoolP384r1(ecdsa::SigningKey<bp384::BrainpoolP384r1>),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

macro_rules! for_ecdsa {
    ($key:expr, $name:ident => $use:expr, $ed:ident => $other:expr) => {
        match $key {
            SigningKey::P256($name) => $use,
            SigningKey::P384($name) => $use,
            SigningKey::P521($name) => $use,
            SigningKey::BrainpoolP256r1($name) => $use,
            SigningKey::BrainpoolP384r1($name) => $use,
            SigningKey::Ed25519($ed) => $other,
        }
    };
}

impl SigningKey {
    /// A key from a seeded random source.
    ///
    /// # Panics
    /// For a curve that the test issuer does not sign with.
    pub fn generate(curve: Curve, random: &mut impl CryptoRng) -> Self {
        match curve {
            Curve::P256 => Self::P256(ecdsa::SigningKey::generate_from_rng(random)),
            Curve::P384 => Self::P384(ecdsa::SigningKey::generate_from_rng(random)),
            Curve::P521 => Self::P521(ecdsa::SigningKey::generate_from_rng(random)),
            Curve::BrainpoolP256r1 => Self::BrainpoolP256r1(ecdsa::SigningKey::generate_from_rng(random)),
            Curve::BrainpoolP384r1 => Self::BrainpoolP384r1(ecdsa::SigningKey::generate_from_rng(random)),
            Curve::Ed25519 => {
                let mut seed = [0; 32];
                random.fill_bytes(&mut seed);
                Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            other => panic!("the test issuer does not sign with {}", other.name()),
        }
    }

    /// A P-256 key from its scalar, such as one that another program made for a test.
    pub fn from_p256_scalar(scalar: &[u8]) -> Option<Self> {
        ecdsa::SigningKey::from_slice(scalar).ok().map(Self::P256)
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
            Self::BrainpoolP256r1(_) => Curve::BrainpoolP256r1,
            Self::BrainpoolP384r1(_) => Curve::BrainpoolP384r1,
            Self::Ed25519(_) => Curve::Ed25519,
        }
    }

    /// The hash that ISO/IEC 18013-5 pairs with the curve.
    pub const fn hash(&self) -> HashAlgorithm {
        match self.curve() {
            Curve::P256 | Curve::BrainpoolP256r1 => HashAlgorithm::Sha256,
            Curve::P384 | Curve::BrainpoolP384r1 => HashAlgorithm::Sha384,
            _ => HashAlgorithm::Sha512,
        }
    }

    /// The COSE algorithm identifier.
    pub const fn algorithm(&self) -> i64 {
        match self.curve() {
            Curve::P256 | Curve::BrainpoolP256r1 => -7,
            Curve::P384 | Curve::BrainpoolP384r1 => -35,
            Curve::Ed25519 => -8,
            _ => -36,
        }
    }

    /// Signs: `r || s`, or the 64 bytes of EdDSA.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest = self.hash().digest(&[message]);
        for_ecdsa!(self, key => {
            let signature: ecdsa::Signature<_> = key
                .sign_prehash(digest.as_bytes())
                .expect("invariant: the hash is as long as the curve asks");
            signature.to_bytes().to_vec()
        }, key => key.sign(message).to_bytes().to_vec())
    }

    /// Signs for X.509: a DER sequence, or the 64 bytes of EdDSA.
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        let digest = self.hash().digest(&[message]);
        for_ecdsa!(self, key => {
            let signature: ecdsa::Signature<_> = key
                .sign_prehash(digest.as_bytes())
                .expect("invariant: the hash is as long as the curve asks");
            signature.to_der().as_bytes().to_vec()
        }, key => key.sign(message).to_bytes().to_vec())
    }

    /// The uncompressed point, or the Ed25519 key.
    pub fn public_bytes(&self) -> Vec<u8> {
        for_ecdsa!(self, key => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            key => key.verifying_key().to_bytes().to_vec())
    }

    /// The private scalar or seed.
    pub fn private_bytes(&self) -> Vec<u8> {
        for_ecdsa!(self, key => key.to_bytes().to_vec(), key => key.to_bytes().to_vec())
    }

    /// The public key as a COSE_Key.
    pub fn cose_key(&self) -> Value {
        cose_key(self.curve(), &self.public_bytes())
    }

    /// Key agreement with an uncompressed point of the same curve: the x-coordinate.
    ///
    /// # Panics
    /// For Ed25519, and for a point of another curve.
    pub fn agree(&self, point: &[u8]) -> Vec<u8> {
        for_ecdsa!(self, key => agree(key, point), _key => panic!("Ed25519 keys agree on nothing"))
    }
}

fn agree<C>(key: &ecdsa::SigningKey<C>, point: &[u8]) -> Vec<u8>
where
    C: ecdsa::EcdsaCurve + CurveArithmetic,
    Scalar<C>: Invert<Output = CtOption<Scalar<C>>>,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
    ecdsa::SignatureSize<C>: ecdsa::elliptic_curve::array::ArraySize,
{
    let other = PublicKey::<C>::from_sec1_bytes(point).expect("a point of the same curve");
    diffie_hellman(key.as_nonzero_scalar(), other.as_affine())
        .raw_secret_bytes()
        .to_vec()
}

/// A COSE_Key of an uncompressed point or an OKP key.
pub fn cose_key(curve: Curve, public: &[u8]) -> Value {
    let crv = (Value::from(-1), Value::from(curve.cose_id()));
    if !curve.is_ec2() {
        return Value::Map(vec![
            (1.into(), 1.into()),
            crv,
            ((-2).into(), Value::Bytes(public.to_vec())),
        ]);
    }
    let (x, y) = public.split_at(1).1.split_at(curve.coordinate_len());
    Value::Map(vec![
        (1.into(), 2.into()),
        crv,
        ((-2).into(), Value::Bytes(x.to_vec())),
        ((-3).into(), Value::Bytes(y.to_vec())),
    ])
}
