"""Signs with botocore's CloudFrontSigner: reads a JSON list of requests, and writes the list of its answers."""

import datetime
import json
import sys

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding


def signer(pem):
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))
    return lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1())


def answer(request):
    cloudfront = CloudFrontSigner(request["keyPairId"], signer(request["pem"]))
    expires = datetime.datetime.fromtimestamp(request["expires"], datetime.timezone.utc)
    start = request.get("notBefore")
    conditions = {
        "date_greater_than": None if start is None else datetime.datetime.fromtimestamp(start, datetime.timezone.utc),
        "ip_address": request.get("ipAddress"),
    }
    policy = cloudfront.build_policy(request["url"], expires, **conditions)
    if request["kind"] == "canned":
        return {"policy": policy, "url": cloudfront.generate_presigned_url(request["url"], date_less_than=expires)}
    return {"policy": policy, "url": cloudfront.generate_presigned_url(request["url"], policy=policy)}


def verified(request):
    """Whether the public key in PEM verifies each signature, by a library that is not Node's."""
    key = serialization.load_pem_public_key(request["publicKey"].encode())
    key.verify(bytes.fromhex(request["signature"]), request["policy"].encode(), ec.ECDSA(hashes.SHA256()))
    return True


requests = json.load(sys.stdin)
json.dump([verified(r) if "signature" in r else answer(r) for r in requests], sys.stdout)
