mod agreement;
mod key_file;
mod signer;

use hkdf::Hkdf;

use super::ranges::RawSignature;
use super::*;

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text).unwrap()
}

/// Made by the `openssl` command over `test message`, every curve with every hash.
const OPENSSL: &[(&str, &str, &str, &str)] = &[
    (
        "brainpoolP256r1",
        "sha256",
        "04792aa611f4fc0438a771daf903992a2b4f0858f360b4389eb720351dec7cbe5e6277caf62db15d49715ea4375403bdb80a53a398cc9660598e920d7cf17ec5cf",
        "30450221008be8728c9dd277156361dec75e54bb00efd8c7e096eeffd19886c15aa911f6910220227b4a533404e5743e0009256bb3ddb3b496aec9bb4f3c11ed537de9eb0f8c5e",
    ),
    (
        "brainpoolP256r1",
        "sha384",
        "04792aa611f4fc0438a771daf903992a2b4f0858f360b4389eb720351dec7cbe5e6277caf62db15d49715ea4375403bdb80a53a398cc9660598e920d7cf17ec5cf",
        "304502206beeb65c1ad336d3ea417a0bb0ffc9fe380731c130abd036a31e48836999570102210085b18714edffb74faa0e6803de198c15590884a0f3b7db6c015b53f818d3bcf2",
    ),
    (
        "brainpoolP256r1",
        "sha512",
        "04792aa611f4fc0438a771daf903992a2b4f0858f360b4389eb720351dec7cbe5e6277caf62db15d49715ea4375403bdb80a53a398cc9660598e920d7cf17ec5cf",
        "304402207b62eee3a862184aecdb3d16101a65aaa06807c428c60e58eebc7b7526a5715902203b5752bf7f631dc4a10f03aa1ce9df0c202de9fb566b794bd792b2960f33868b",
    ),
    (
        "brainpoolP320r1",
        "sha256",
        "0485ba127851f0a2787f4875c6b68c2abaf15d13c07e0f0c3a9dc1e77d9813a2085d7fe84148ae62189ee5c41dee417d597b4353d6fccb5bb6a06412f55f2fe00fac91a80a37cd22b7a86edf4a1e2fdd89",
        "305402287cf6c2bbb46ad542082d95831afac1edc84f1f0cac56f72cb909756bc6dbd566f4929490a9dcc65e02284eef5f2e2a7e17ff94423a0674e923413ebfa37b271e5b837fdfd47b74eda6c8cf0c2bc9c0c4a2ef",
    ),
    (
        "brainpoolP320r1",
        "sha384",
        "0485ba127851f0a2787f4875c6b68c2abaf15d13c07e0f0c3a9dc1e77d9813a2085d7fe84148ae62189ee5c41dee417d597b4353d6fccb5bb6a06412f55f2fe00fac91a80a37cd22b7a86edf4a1e2fdd89",
        "30560229009f39147be0262a176d8f020d3141e0e029c01e986b401fffa0111dfb71144e06ac24bb0c6a95cd0102290099176c133aa3aa4dd4c6f218a3efea94411d3ffb0b1d59aa74aa433e3a43f71b04625ca729af3d13",
    ),
    (
        "brainpoolP320r1",
        "sha512",
        "0485ba127851f0a2787f4875c6b68c2abaf15d13c07e0f0c3a9dc1e77d9813a2085d7fe84148ae62189ee5c41dee417d597b4353d6fccb5bb6a06412f55f2fe00fac91a80a37cd22b7a86edf4a1e2fdd89",
        "305402282d130c97ce78bd8a07825ff9c29447bd4e2bff29a096949a23daa730b6e529723fe418647c7c70b8022837e9cc37e3a0f8d72eb04a243ce9bd20cfbdfd182745fc70fc821c35a8c49597fdb4ea58648bfab5",
    ),
    (
        "brainpoolP384r1",
        "sha256",
        "0439ff9e9830b9e5561f340704265a118832d34896e5e6e5f777f0118c3ecc9df663ae0fba4014cc5e983ffd55b672ad8d751b560eeb54dc26f41573fee95d4eb478e8ec7af85d2a361c348f6bde1919c935e7d2a22941bd0b1f01b966e44f8031",
        "3065023100838cc0fa12c9a442a24f95fb0ba7c6e75eed2cc3eb1143a31bf32ebecacc018dd39c4dba5090a6149e125087ec018517023076e6d53c4a5af073d25fbb68d5840eec4187578ba3d7b83053408f5406d63fb0b00deeb1f2d479af94130134faddf768",
    ),
    (
        "brainpoolP384r1",
        "sha384",
        "0439ff9e9830b9e5561f340704265a118832d34896e5e6e5f777f0118c3ecc9df663ae0fba4014cc5e983ffd55b672ad8d751b560eeb54dc26f41573fee95d4eb478e8ec7af85d2a361c348f6bde1919c935e7d2a22941bd0b1f01b966e44f8031",
        "3064023067857881a0329d594c246b320f15e27c66f25ba69ab0e3b2a31a6e36030fec323f5e952770342eb643589d5966588a0c02302d22ab66b4770bd44c2a39a769d59bf6bc2ec7371a7129cfe99125661046fa71801bb152fc6712885e686841c21ed079",
    ),
    (
        "brainpoolP384r1",
        "sha512",
        "0439ff9e9830b9e5561f340704265a118832d34896e5e6e5f777f0118c3ecc9df663ae0fba4014cc5e983ffd55b672ad8d751b560eeb54dc26f41573fee95d4eb478e8ec7af85d2a361c348f6bde1919c935e7d2a22941bd0b1f01b966e44f8031",
        "306402307bc23109de0b7fc7126894d51c516c0444ed77c81433e2bf6175cd9bf6f9ec2a59ad762db7589cd47dc34d16c84da93602303299e5dd856b9a866de69b62f44a5ed90b2d4e465db4c8010ec34f1bc02fced0fbf13c90f742e58763e043328dc9c095",
    ),
    (
        "brainpoolP512r1",
        "sha256",
        "0494efcca67a8c401c8bc673d3c258dfa51d5db7493e68b2245cf52eb3112b6ec0a113759e5d8b030b48e075787c52fbf7fe7ee0305e7ee1f5b4ff5bcb83d68b859619393319e48719da226962b12cd58ad26831d79dc19bb7fd26d79147dfd18b3a4bb63c861267e1c806c5fbf5f258cf2ecf8c48f004530ce96e51475449d5e0",
        "308185024100aaafce144eba34fa2a85a948fb31436145ee88e09c289b8d1244b803800af6756197994351c268c1c6f997925e1e65910b89aee14d67ef9e4377c408ed74779702402ef91f3569a7135b0f011ca678443dda6f6a6f28e31c23413e1d1bcfadf49317abc947bb3bc50971c00374bd20b8880077c87001f638ab1534b5a6f68832f1e0",
    ),
    (
        "brainpoolP512r1",
        "sha384",
        "0494efcca67a8c401c8bc673d3c258dfa51d5db7493e68b2245cf52eb3112b6ec0a113759e5d8b030b48e075787c52fbf7fe7ee0305e7ee1f5b4ff5bcb83d68b859619393319e48719da226962b12cd58ad26831d79dc19bb7fd26d79147dfd18b3a4bb63c861267e1c806c5fbf5f258cf2ecf8c48f004530ce96e51475449d5e0",
        "30818402402533fc858190acee40852e11b604c974f18a3401f1c48cbd2f0e454476283ab799c6d07a0b549ab912b87a6741669f557933ed241a88d8af3e86f2a39c078c8f024057c4af3cb62023496b26953c546d0ecb42515049ed587feca119bdfe2643fc269c4cedfa8f372543710dc933fa18f108e1843cfe8d85bd5a98b66fe43e6f61ca",
    ),
    (
        "brainpoolP512r1",
        "sha512",
        "0494efcca67a8c401c8bc673d3c258dfa51d5db7493e68b2245cf52eb3112b6ec0a113759e5d8b030b48e075787c52fbf7fe7ee0305e7ee1f5b4ff5bcb83d68b859619393319e48719da226962b12cd58ad26831d79dc19bb7fd26d79147dfd18b3a4bb63c861267e1c806c5fbf5f258cf2ecf8c48f004530ce96e51475449d5e0",
        "308184024035a14c0753ffb5379035806c3a70ccaab018c7c561b94b4cc27207df92508062105aa2e945e10b019db4ce9b9afa106702f070bbfa0171556c8a293e6a55a60d0240510437cfa816bd589dd79368f937bd7d24f0ea00a6f7cf689d0468d8f4e1b09e7b2e41fcc009b534922466634e7892822ba1ea0a4260bdf0ca7fc702cf5a2ee6",
    ),
    (
        "secp521r1",
        "sha256",
        "04013622c8c60f147f9ae09e295be2867cc99e3489946124e5968eb7943af7b210612996e8bb1f430194774448abcf600ce5b9959bdffa487dbbfec06e84f8eab159070031673b291549c5f3e7c2ef2db26af228bce414241db958915fac185e881fb5db250ef411b5b0687f6898f21c3f6b86439b9191e784ec56f51b1f6db0e99650f0b4",
        "3081870242016fed584fa7986a4316646a2aeb7bda84a190c172923317ab5a4565262220d59fee0c9cae58a5dea799eebe1cf4401143ef3880550cc150f0826b19328d4e752ff902414d2c1600d72d787d81020e4658940f1b0c10b95f5484b7a9cecae12254c3c2b8307c0f0c92fc822c98f0788a2b4a531de758088127c2c6fe27bec3b780e5f1c8f0",
    ),
    (
        "secp521r1",
        "sha384",
        "04013622c8c60f147f9ae09e295be2867cc99e3489946124e5968eb7943af7b210612996e8bb1f430194774448abcf600ce5b9959bdffa487dbbfec06e84f8eab159070031673b291549c5f3e7c2ef2db26af228bce414241db958915fac185e881fb5db250ef411b5b0687f6898f21c3f6b86439b9191e784ec56f51b1f6db0e99650f0b4",
        "308187024140cb9a683d42de035acc5714e4101766b12754c20111dfcb87f843e66b6bed2b1dc08aa056da402a9dba721c2345586ada4de4572c0e98568ee94693434b7ca291024200a299201f716c3c77d326148bfa71931424760e3c4d94c85ecfb9e881ba379267d9972527561a118dd252678d717566623dbab76953f6705356c1c038f0b1ff4398",
    ),
    (
        "secp521r1",
        "sha512",
        "04013622c8c60f147f9ae09e295be2867cc99e3489946124e5968eb7943af7b210612996e8bb1f430194774448abcf600ce5b9959bdffa487dbbfec06e84f8eab159070031673b291549c5f3e7c2ef2db26af228bce414241db958915fac185e881fb5db250ef411b5b0687f6898f21c3f6b86439b9191e784ec56f51b1f6db0e99650f0b4",
        "308187024143a37e9cd0db8439f8c975018b3f6cf7817fafd2899a040475479012150bb28ca4d8ac4362e87e0256fc367260334e7ef0650fd9a87b76eafde78c672cca0e14940242017662b0450842f6d685bcacc9ee777d2abd47d5f312ee71511b6d3e613fbcc726a6a11aca327b84ae8fdf7fc84c32d4f1b72890c901d190cce2c8b685de570c6049",
    ),
    (
        "secp384r1",
        "sha256",
        "043366dca90767d62fbab41f596ed09ef7a8563dda37c7e79e0f72a343cd7e6ddffc938c127ff577df2d30f043cc6d07d71f80d31b6e12e9ba3d3536d1c3e6df3e948f9350a61caf1b6b92aac74e148f1b5fe86b0ec1d7116aae3b902071c4165b",
        "306402303cb46844c040addc89905c027a15e64c2c1fda224ce78e095781ee944e048c1393af295bb59802e304031ea2982e2624023046a65d4a1176d0bb33edcba148cfa21d7f4ade88f7b7ec3ab3f809ae67000eaf76cd89a4c65d36eb9f2b701bf5cb8548",
    ),
    (
        "secp384r1",
        "sha384",
        "043366dca90767d62fbab41f596ed09ef7a8563dda37c7e79e0f72a343cd7e6ddffc938c127ff577df2d30f043cc6d07d71f80d31b6e12e9ba3d3536d1c3e6df3e948f9350a61caf1b6b92aac74e148f1b5fe86b0ec1d7116aae3b902071c4165b",
        "3064023063fb6431aa6613ff42982e2f4cc73201f3c3d5b6bed67c90aff72b0bae2c1b25f7ea6ca8b33bdefa3334cf4cb871a64a023013f9c981301ed2eec01a961d68c170c530569dd831bd298798b6c97f0855c23f71c84b8b4cb90bb2247dd1d34a7ec035",
    ),
    (
        "secp384r1",
        "sha512",
        "043366dca90767d62fbab41f596ed09ef7a8563dda37c7e79e0f72a343cd7e6ddffc938c127ff577df2d30f043cc6d07d71f80d31b6e12e9ba3d3536d1c3e6df3e948f9350a61caf1b6b92aac74e148f1b5fe86b0ec1d7116aae3b902071c4165b",
        "306402307024b2b9c6b32bd6ca1550293f6420baa1c25df1458fc8dfd26cdd1ed6953fbfcd88d60491d06aa8575b0acf58123cde02305c20c4b144d30f204e83df271e5646ec7faa7a3f2b300865a6982b691aa25bab61335dd4b8472766a1d051cd3f9a3206",
    ),
    (
        "prime256v1",
        "sha256",
        "049d608dc76d49883846c680b1ab8c0eb24e287b9c38299a800b037de945e2100ba538812abbd07710e8738db04a7f7a8c59a46ac6400081bfdd127392bbc49ac5",
        "304502206abaf06ccdc701dcdebbacea0d880b759c7767fec23b17303db6be5b578a39ad022100c7d909e4234bedae68fc1abe64c643ba6af166e9a1f874f1ce8e74311bba451b",
    ),
    (
        "prime256v1",
        "sha384",
        "049d608dc76d49883846c680b1ab8c0eb24e287b9c38299a800b037de945e2100ba538812abbd07710e8738db04a7f7a8c59a46ac6400081bfdd127392bbc49ac5",
        "304502205af28f19daa1f92d2f69de071095118d6cba4a932b481815bdef35efada20333022100a4cbde1cd6f98172a18f8b85b26952f2cbb444d80e42880fb6010704f0589c53",
    ),
    (
        "prime256v1",
        "sha512",
        "049d608dc76d49883846c680b1ab8c0eb24e287b9c38299a800b037de945e2100ba538812abbd07710e8738db04a7f7a8c59a46ac6400081bfdd127392bbc49ac5",
        "304402205c55aaf00fd731205283c3d7df453a2a09ff534b2f9d737f30b0635362a42cdf02202f2aa32df4ecbd7b5b0592f2935c512d2fc096b9d91b2cf2ef97d4fbb7a32682",
    ),
];

const MESSAGE: &[u8] = b"test message";

fn curve_named(name: &str) -> Curve {
    match name {
        "prime256v1" => Curve::P256,
        "secp384r1" => Curve::P384,
        "secp521r1" => Curve::P521,
        name => Curve::from_name(name).unwrap(),
    }
}

fn hash_named(name: &str) -> HashAlgorithm {
    match name {
        "sha256" => HashAlgorithm::Sha256,
        "sha384" => HashAlgorithm::Sha384,
        _ => HashAlgorithm::Sha512,
    }
}

fn backends() -> Vec<Backend> {
    let mut backends = vec![Backend::RustCrypto];
    if Backend::DEFAULT != Backend::RustCrypto {
        backends.push(Backend::DEFAULT);
    }
    backends
}

#[test]
fn openssl_signatures_verify_on_every_curve_with_every_hash_in_both_forms_and_backends() {
    assert_eq!(OPENSSL.len(), 21);
    for (curve, hash, point, signature) in OPENSSL {
        let (curve, hash, der) = (curve_named(curve), hash_named(hash), bytes(signature));
        let key = PublicKey::from_uncompressed_point(curve, &bytes(point)).unwrap();
        assert_eq!(key.verify_der(hash, MESSAGE, &der), Ok(()), "{curve:?} {hash:?}");
        assert_eq!(
            key.verify_der(hash, b"test messagf", &der),
            Err(SignatureError::Mismatch)
        );
        let raw = RawSignature::from_der(curve, &der).unwrap();
        for backend in backends() {
            let verify =
                |signature: &[u8]| key.verify_with(backend, hash, &[b"test ", b"message"], signature);
            assert_eq!(verify(raw.as_bytes()), Ok(()), "{curve:?} {hash:?} {backend:?}");
            assert_eq!(verify(&der), Err(SignatureError::Length), "DER where raw is due");
            let half = curve.coordinate_len();
            for zeroed in [0..half, half..2 * half] {
                let mut signature = raw.as_bytes().to_vec();
                signature[zeroed.clone()].fill(0);
                assert_eq!(verify(&signature), Err(SignatureError::Malformed), "zero");
                signature[zeroed].fill(0xff);
                assert_eq!(
                    verify(&signature),
                    Err(SignatureError::Malformed),
                    "beyond the order"
                );
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_a_signature_is_refused_alike_by_both_backends() {
    for (curve, hash, point, signature) in OPENSSL.iter().filter(|row| row.1 == "sha512") {
        let (curve, hash) = (curve_named(curve), hash_named(hash));
        let key = PublicKey::from_uncompressed_point(curve, &bytes(point)).unwrap();
        let raw = RawSignature::from_der(curve, &bytes(signature)).unwrap();
        for index in 0..raw.as_bytes().len() {
            let mut signature = raw.as_bytes().to_vec();
            signature[index] ^= 1;
            let results: Vec<_> = backends()
                .into_iter()
                .map(|backend| key.verify_with(backend, hash, &[MESSAGE], &signature))
                .collect();
            assert!(results[0].is_err(), "{curve:?} {index}");
            assert!(
                results.iter().all(|result| *result == results[0]),
                "{curve:?} {index}"
            );
        }
    }
}

#[test]
fn broken_der_signatures_are_malformed() {
    let (_, _, point, signature) = OPENSSL.iter().find(|row| row.0 == "prime256v1").unwrap();
    let key = PublicKey::from_uncompressed_point(Curve::P256, &bytes(point)).unwrap();
    let der = bytes(signature);
    let verify = |der: &[u8]| key.verify_der(HashAlgorithm::Sha256, MESSAGE, der);
    assert_eq!(verify(&der), Ok(()));
    for end in 0..der.len() {
        assert_eq!(
            verify(&der[..end]),
            Err(SignatureError::Malformed),
            "cut at {end}"
        );
    }
    assert_eq!(verify(&[&der[..], &[0]].concat()), Err(SignatureError::Malformed));
    assert_eq!(
        verify(&[&[0x31], &der[1..]].concat()),
        Err(SignatureError::Malformed)
    );
    assert_eq!(
        verify(&bytes("3006020100020101")),
        Err(SignatureError::Malformed),
        "r is zero"
    );
    assert_eq!(
        verify(&bytes("3006020101020100")),
        Err(SignatureError::Malformed),
        "s is zero"
    );
    assert_eq!(
        verify(&bytes("300702020001020101")),
        Err(SignatureError::Malformed),
        "not minimal"
    );
    assert_eq!(
        verify(&bytes("3006020181020101")),
        Err(SignatureError::Malformed),
        "negative"
    );
    assert_eq!(
        verify(&bytes("3006020101020101")),
        Err(SignatureError::Mismatch),
        "well-formed"
    );
}

#[test]
fn points_are_checked_when_a_key_is_made() {
    for (curve, _, point, _) in OPENSSL.iter().filter(|row| row.1 == "sha256") {
        let curve = curve_named(curve);
        let point = bytes(point);
        let (x, y) = point[1..].split_at(curve.coordinate_len());
        let key = PublicKey::from_coordinates(curve, x, y).unwrap();
        assert_eq!(key.coordinates(), (x, y));
        let odd = y[y.len() - 1] & 1 == 1;
        assert_eq!(
            PublicKey::from_x_and_sign(curve, x, odd).as_ref(),
            Ok(&key),
            "{curve:?}"
        );
        assert_ne!(PublicKey::from_x_and_sign(curve, x, !odd).as_ref(), Ok(&key));
        let mut moved = y.to_vec();
        moved[0] ^= 1;
        assert_eq!(
            PublicKey::from_coordinates(curve, x, &moved),
            Err(KeyError::NotOnCurve),
            "{curve:?}"
        );
        let zero = vec![0; x.len()];
        assert_eq!(
            PublicKey::from_coordinates(curve, &zero, &zero),
            Err(KeyError::NotOnCurve)
        );
        assert_eq!(
            PublicKey::from_coordinates(curve, &x[1..], y),
            Err(KeyError::Length)
        );
        let compressed = [&[2], x].concat();
        assert_eq!(
            PublicKey::from_uncompressed_point(curve, &compressed),
            Err(KeyError::Length)
        );
        assert_eq!(
            PublicKey::from_uncompressed_point(curve, &[0]),
            Err(KeyError::Length),
            "the identity"
        );
        let hybrid = [&[6], x, y].concat();
        assert_eq!(
            PublicKey::from_uncompressed_point(curve, &hybrid),
            Err(KeyError::NotOnCurve)
        );
    }
}

/// RFC 8032 §7.1, test 2.
#[test]
fn ed25519_follows_rfc_8032() {
    let key = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = bytes(concat!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ));
    let key = PublicKey::from_okp(Curve::Ed25519, &key).unwrap();
    for backend in backends() {
        let verify = |message: &[u8], signature: &[u8]| {
            key.verify_with(backend, HashAlgorithm::Sha512, &[message], signature)
        };
        assert_eq!(verify(&[0x72], &signature), Ok(()));
        assert_eq!(verify(&[0x73], &signature), Err(SignatureError::Mismatch));
        assert_eq!(verify(&[0x72], &signature[1..]), Err(SignatureError::Length));
        for index in 0..64 {
            let mut flipped = signature.clone();
            flipped[index] ^= 1;
            assert_eq!(
                verify(&[0x72], &flipped),
                Err(SignatureError::Mismatch),
                "{index}"
            );
        }
    }
    assert_eq!(
        PublicKey::from_okp(Curve::Ed25519, &[0; 32]).err(),
        Some(KeyError::NotOnCurve)
    );
    assert_eq!(
        PublicKey::from_okp(Curve::Ed25519, &[0; 31]).err(),
        Some(KeyError::Length)
    );
}

#[test]
fn curves_that_are_not_implemented_are_refused_by_name() {
    assert_eq!(
        PublicKey::from_okp(Curve::Ed448, &[0; 57]).err(),
        Some(KeyError::Unsupported(Curve::Ed448))
    );
    assert_eq!(
        PublicKey::from_okp(Curve::P256, &[0; 32]).err(),
        Some(KeyError::Unsupported(Curve::P256))
    );
    let key = PublicKey::from_okp(Curve::X25519, &[9; 32]).unwrap();
    assert_eq!(
        key.verify(HashAlgorithm::Sha512, &[MESSAGE], &[1; 64]),
        Err(SignatureError::Unsupported(Curve::X25519))
    );
}

/// RFC 5869, test case 1, cut to 32 bytes.
#[test]
fn hkdf_follows_rfc_5869() {
    let mut out = [0; 32];
    Hkdf::<sha2::Sha256>::new(Some(&bytes("000102030405060708090a0b0c")), &[0x0b; 22])
        .expand(&bytes("f0f1f2f3f4f5f6f7f8f9"), &mut out)
        .unwrap();
    assert_eq!(
        hex::encode(out),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    );
}

/// NIST's test case 13 and 14 for AES-256-GCM.
#[test]
fn aes_256_gcm_follows_nist_and_refuses_every_change() {
    let (key, iv) = ([0; 32], [0; 12]);
    assert_eq!(
        hex::encode(aes_256_gcm_seal(&key, &iv, b"").unwrap()),
        "530f8afbc74536b9a963b4f1c4cb738b"
    );
    let sealed = aes_256_gcm_seal(&key, &iv, &[0; 16]).unwrap();
    assert_eq!(
        hex::encode(&sealed),
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    );
    assert_eq!(aes_256_gcm_open(&key, &iv, &sealed).unwrap().as_slice(), [0; 16]);
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 0x80;
        assert_eq!(aes_256_gcm_open(&key, &iv, &changed).err(), Some(AeadError));
        assert_eq!(
            aes_256_gcm_open(&key, &iv, &sealed[..index]).err(),
            Some(AeadError)
        );
    }
    assert_eq!(aes_256_gcm_open(&key, &[1; 12], &sealed).err(), Some(AeadError));
}

/// RFC 4231, test case 6 has a longer key; this is our own key with the value of another program
/// (`openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…`).
#[test]
fn hmac_needs_the_whole_tag() {
    let key = [0x0b; 32];
    let tag = bytes("198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
    assert!(hmac_sha256_verify(&key, &[b"Hi ", b"There"], &tag));
    assert!(!hmac_sha256_verify(&key, &[b"Hi There!"], &tag));
    assert!(!hmac_sha256_verify(&key, &[b"Hi There"], &tag[..16]), "truncated");
    assert!(!hmac_sha256_verify(&key, &[b"Hi There"], &[]));
    assert!(!hmac_sha256_verify(&[0x0c; 32], &[b"Hi There"], &tag));
}

#[test]
fn hashes_are_those_of_fips_180() {
    let digest = |hash: HashAlgorithm| hex::encode(hash.digest(&[b"a", b"", b"bc"]).as_bytes());
    assert_eq!(
        digest(HashAlgorithm::Sha256),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert!(digest(HashAlgorithm::Sha384).starts_with("cb00753f45a35e8bb5a03d699ac65007"));
    assert!(digest(HashAlgorithm::Sha512).starts_with("ddaf35a193617abacc417349ae204131"));
    assert_eq!(
        hex::encode(sha1(b"abc")),
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
}

#[test]
fn keys_print_no_bytes() {
    let key = PrivateKey::from_bytes(Curve::P256, &[7; 32]).unwrap();
    assert_eq!(
        format!("{key:?} {:?}", key.public_key()),
        "PrivateKey(P-256) PublicKey(P-256)"
    );
}
