"""Reads and makes offline bundles with pycose, cbor2 and cryptography.

Usage: bundle.py read BUNDLE PUBLIC_KEY_PEM: verifies a bundle and prints its content as a line of JSON.
       bundle.py make ANCHOR_DER CREATED DIR: makes key.pub and an ES256 and an ES384 bundle with this anchor.
"""

import hashlib
import json
import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pycose.algorithms import Es256, Es384
from pycose.headers import Algorithm, ContentType
from pycose.keys import EC2Key
from pycose.keys.curves import P256, P384
from pycose.messages import Sign1Message

CONTENT_TYPE = "application/mdoc-verifier-bundle+cbor"


def cose_key(public, curve, secret=b""):
    size = (public.curve.key_size + 7) // 8
    numbers = public.public_numbers()
    parts = {"x": numbers.x.to_bytes(size, "big"), "y": numbers.y.to_bytes(size, "big")}
    return EC2Key(crv=curve, d=secret, **parts)


def read(bundle, key):
    # cbor2 gives what stands under a tag as a tuple, and pycose takes lists only.
    tagged = cbor2.loads(Path(bundle).read_bytes())
    assert tagged.tag == Sign1Message.cbor_tag
    protected, unprotected, payload, signature = tagged.value
    parts = [protected, dict(unprotected), payload, signature]
    message = Sign1Message.from_cose_obj(parts, allow_unknown_attributes=False)
    message.key = cose_key(serialization.load_pem_public_key(Path(key).read_bytes()), P256)
    content = cbor2.loads(message.payload)
    entries = content.pop("entries")
    for entry in entries:
        entry["content"] = hashlib.sha256(entry["content"]).hexdigest()
    print(json.dumps({
        "verified": message.verify_signature(),
        "algorithm": message.phdr[Algorithm].identifier,
        "content_type": message.phdr[ContentType],
        "unprotected": len(message.uhdr),
        "content": content,
        "entries": entries,
    }))


def make(anchor, created, folder):
    folder, created = Path(folder), int(created)
    for name, curve, cose_curve, algorithm in [
        ("es256", ec.SECP256R1(), P256, Es256),
        ("es384", ec.SECP384R1(), P384, Es384),
    ]:
        key = ec.generate_private_key(curve)
        size = (key.key_size + 7) // 8
        content = {
            "entries": [
                {"content": Path(anchor).read_bytes(), "name": "anchors/elsewhere.der", "fetched": created - 3600},
            ],
            "expires": created + 86_400,
            "created": created,
            "number": 7,
            "version": 1,
        }
        message = Sign1Message(
            phdr={Algorithm: algorithm, ContentType: CONTENT_TYPE}, uhdr={}, payload=cbor2.dumps(content))
        secret = key.private_numbers().private_value.to_bytes(size, "big")
        message.key = cose_key(key.public_key(), cose_curve, secret)
        (folder / f"{name}.bundle").write_bytes(message.encode())
        (folder / f"{name}.pub").write_bytes(key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


{"read": read, "make": make}[sys.argv[1]](*sys.argv[2:])
