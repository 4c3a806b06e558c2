"""Makes CRLs and status lists with PyJWT, pycose and cryptography under a test issuer's root.

Usage: make_lists.py DIR NOW. DIR holds root.pem and root-key.pem (a test key) and document-signer.pem;
what is made goes beside them. NOW is in seconds since the epoch.
"""

import base64
import datetime
import sys
import zlib
from pathlib import Path

import cbor2
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pycose.algorithms import Es256, Es384
from pycose.headers import Algorithm
from pycose.keys import EC2Key
from pycose.keys.curves import P256, P384
from pycose.messages import Sign1Message

DAY = datetime.timedelta(days=1)
# Header labels that pycose has no class for.
TYPE, X5CHAIN = 16, 33
folder, now = Path(sys.argv[1]), int(sys.argv[2])
instant = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
root = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
root_key = serialization.load_pem_private_key((folder / "root-key.pem").read_bytes(), None)
document_signer = x509.load_pem_x509_certificate((folder / "document-signer.pem").read_bytes())


def write(name, data):
    (folder / name).write_bytes(data)


def status_signer(curve):
    key = ec.generate_private_key(curve)
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
    subject = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
        x509.NameAttribute(NameOID.COMMON_NAME, "TEST status signer made elsewhere"),
    ])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(instant - DAY)
        .not_valid_after(instant + 100 * DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .sign(root_key, hashes.SHA256())
    )
    return key, certificate.public_bytes(serialization.Encoding.DER)


def crl(revoked):
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(instant - DAY)
        .next_update(instant + 30 * DAY)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .add_extension(x509.CRLNumber(5), False)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(instant - DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def packed(bits, length, values):
    data = bytearray(length * bits // 8)
    for index, value in values.items():
        data[index * bits // 8] |= value << (index * bits % 8)
    return zlib.compress(bytes(data), 9)


def cwt(signer, curve, algorithm, typ, claims):
    key, chain = signer
    numbers = key.private_numbers()
    size = (key.key_size + 7) // 8
    cose_key = EC2Key(
        crv=curve,
        x=numbers.public_numbers.x.to_bytes(size, "big"),
        y=numbers.public_numbers.y.to_bytes(size, "big"),
        d=numbers.private_value.to_bytes(size, "big"),
    )
    message = Sign1Message(
        phdr={Algorithm: algorithm, TYPE: typ, X5CHAIN: chain}, uhdr={}, payload=cbor2.dumps(claims))
    message.key = cose_key
    return message.encode()


def cwt_claims(uri, key, value):
    return {2: uri, 6: now - 60, 4: now + 86_400, 65534: 3600, key: value}


def jwt_list(signer, algorithm, uri, bits, data):
    key, chain = signer
    claims = {
        "sub": uri,
        "iat": now - 60,
        "exp": now + 86_400,
        "ttl": 3600,
        "status_list": {"bits": bits, "lst": base64.urlsafe_b64encode(data).rstrip(b"=").decode()},
    }
    headers = {"typ": "statuslist+jwt", "x5c": [base64.b64encode(chain).decode()]}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers).encode()


p256, p384 = status_signer(ec.SECP256R1()), status_signer(ec.SECP384R1())
URI = "https://status.example/python"
revoked = packed(1, 1 << 20, {412: 1, 1_000_000: 1})
write("list.cwt", cwt(p256, P256, Es256, "application/statuslist+cwt",
                      cwt_claims(URI, 65533, {"bits": 1, "lst": revoked})))
write("list-384.cwt", cwt(p384, P384, Es384, "statuslist+cwt",
                          cwt_claims(URI, 65533, {"bits": 1, "lst": revoked})))
for bits in (1, 2, 4, 8):
    values = {412: 1, 413: (1 << bits) - 1, 414: 0}
    write(f"list-{bits}.jwt", jwt_list(p256, "ES256", URI, bits, packed(bits, 4096, values)))
write("list-384.jwt", jwt_list(p384, "ES384", URI, 1, revoked))
write("identifiers.cwt", cwt(p256, P256, Es256, "application/identifierlist+cwt",
                             cwt_claims(URI, 65530, {"identifiers": {b"listed identifier": {}}})))
write("good.crl", crl([1, 2, 3]))
write("revoked.crl", crl([1, document_signer.serial_number]))
