"""Judges requests as AWS documents CloudFront's check of signed URLs and signed cookies, and as nginx documents secure_link.

An opinion that shares no code with the product. It reads the very bytes of a request and answers with a verdict:

- accept: a rightly signed request; `key` is the object that it opens, `link` says that it is a download link
- refuse: no signature that covers the request
- open:   no signature is needed there

`rules` names each documented rule of the product that is stricter than CloudFront and that the request breaks. The product may
refuse an accepted request for one of these and for nothing else. It may never accept a refused one.

Input: one JSON object a line. The first has the trust: {"keys": {id: PEM}, "linkSecret": text, "hosts": [name] or null}.
The others have a case: {"request": base64, "now": epoch seconds, "ip": text}. Output: one JSON object a line, in order.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-cookies.html
https://nginx.org/en/docs/http/ngx_http_secure_link_module.html
"""

import base64
import ipaddress
import json
import re
import sys
from decimal import Decimal
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from verifier_links import Refused, judge_link
from verifier_paths import decoded_path, is_canonical, matches, normalised, text_of

FIELDS = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
MAX_TARGET, MAX_HEAD = 8192, 20480


class Number(str):
    """The literal of a JSON number."""


def judge(case, trust):
    raw = base64.b64decode(case["request"])
    rules = set()
    try:
        key = read_request(raw, case, trust, rules)
    except Refused as reason:
        return {"verdict": "refuse", "reason": str(reason), "rules": sorted(rules)}
    if key is None:
        return {"verdict": "open", "rules": sorted(rules)}
    return {"verdict": "accept", "key": key["name"], "link": key["link"], "rules": sorted(rules)}


def read_request(raw, case, trust, rules):
    # RFC 9112 section 2.2: a bare CR is replaced with a space, or the request refused; `http-syntax` below names it.
    head = raw.split(b"\r\n\r\n", 1)[0]
    request_line, *lines = (line.replace(b"\r", b" ") for line in head.split(b"\r\n"))
    parts = request_line.split()
    if len(parts) == 3 and b" ".join(parts) != request_line:
        # RFC 9112 section 3 lets a server read several spaces as one.
        rules.add("http-syntax")
    if len(parts) != 3 or parts[2] != b"HTTP/1.1" or len(parts[1]) > MAX_TARGET or len(head) > MAX_HEAD:
        raise Refused("request")
    method, target, _ = parts
    if method not in (b"GET", b"HEAD"):
        raise Refused("method")
    if re.search(rb"[^\x20-\x7e]", head.replace(b"\r\n", b"")) or re.search(rb'[#"<>\\`{}]', target):
        rules.add("http-syntax")
    headers = [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
    hosts = [value for name, value in headers if name == b"host"]
    absolute = re.match(rb"https?://([^/?]*)(?=/)", target, re.I)
    if absolute:
        # RFC 9112 section 3.2.2: the host of the target counts, whatever the header says.
        rules.add("absolute-target")
        hosts = [absolute[1] for _ in hosts]
        target = target[absolute.end() :]
    if len(hosts) != 1 or not target.startswith(b"/"):
        raise Refused("host")
    host = hosts[0].decode("latin-1").lower()
    if trust["hosts"] is not None and host.split(":")[0].removesuffix(".") not in trust["hosts"]:
        raise Refused("host")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", host):
        rules.add("host-syntax")
    # Servers drop a fragment, which no client may send; `http-syntax` above names it.
    path, _, query = target.partition(b"#")[0].partition(b"?")
    cookies = b"; ".join(value for name, value in headers if name == b"cookie")
    if not is_canonical(path):
        rules.add("canonical-path")
    if decoded_path(path).startswith(b"/assets/private/"):
        # The key that the bucket reads, as below.
        key = decoded_path(path.replace(b"+", b"%20"))[len(b"/assets/private/") :]
        if not key.startswith((b"users/", b"teams/")):
            raise Refused("link")
        judge_link(path, query, case["now"], trust["linkSecret"], rules)
        if re.search(rb"[*?]", key):
            rules.add("key-wildcard")
        return {"name": text_of(key), "link": True}
    if not normalised(path).startswith((b"/users/", b"/teams/")):
        return None
    judge_signed(f"https://{host}", path, query, cookies, case, trust, rules)
    # S3 decodes the path once and reads a plus sign as a space.
    return {"name": text_of(unquote_to_bytes(path.replace(b"+", b" "))[1:]), "link": False}


def judge_signed(origin, path, query, cookies, case, trust, rules):
    pairs, rest = [], []
    for part in query.split(b"&") if query else []:
        name, _, value = part.partition(b"=")
        if name.decode("latin-1") in FIELDS:
            pairs.append((name.decode("latin-1"), percent_decoded(value)))
        else:
            rest.append(part)
    from_url = len(pairs) > 0
    if not from_url:
        for pair in cookies.split(b";"):
            name, _, value = pair.strip(b" \t").partition(b"=")
            name = name.decode("latin-1")
            if name.startswith("CloudFront-") and name[11:] in FIELDS:
                pairs.append((name[11:], value))
    # Empty parameters that stay behind alone are no query.
    query = b"&".join(rest)
    url = (path + (b"?" + query if query else b"")).decode("latin-1")
    if len({name for name, _ in pairs}) < len(pairs):
        rules.add("duplicates")
    # Which of two values counts is not documented: either may.
    readings = [dict(reversed(pairs)), dict(pairs)]
    if "Policy" in readings[0] and "Expires" in readings[0]:
        rules.add("policy-and-expires")
        readings += [{k: v for k, v in r.items() if k != drop} for r in readings for drop in ("Policy", "Expires")]
    first_reason = None
    for fields in readings:
        found = set()
        try:
            check_fields(fields, origin + url, from_url, case, trust["keys"], found)
            rules |= found
            return
        except Refused as reason:
            first_reason = first_reason or reason
    raise first_reason


def check_fields(fields, url, from_url, case, keys, rules):
    key = keys.get(fields.get("Key-Pair-Id", b"").decode("latin-1"))
    if key is None:
        raise Refused("key")
    marker = fields.get("Hash-Algorithm", b"SHA1")
    if marker not in (b"SHA1", b"SHA256") or "Signature" not in fields:
        raise Refused("fields")
    if "Policy" in fields:
        policy = from_base64(fields["Policy"], rules)
    else:
        expires = fields.get("Expires", b"").decode("latin-1")
        if not re.fullmatch("[0-9]{1,15}", expires):
            raise Refused("policy")
        if expires.startswith("0"):
            rules.add("plain-integer")
        policy = f'{{"Statement":[{{"Resource":{canned_string(url)},"Condition":{{"DateLessThan":{{"AWS:EpochTime":{int(expires)}}}}}}}]}}'
        policy = policy.encode("latin-1")
    verify(key, marker, from_base64(fields["Signature"], rules), policy)
    check_policy(policy, url, from_url, case, rules)


def verify(key, marker, signature, policy):
    digest = SHA256() if marker == b"SHA256" else SHA1()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            if marker != b"SHA256":
                raise Refused("ECDSA needs SHA-256")
            key.verify(signature, policy, ec.ECDSA(digest))
        else:
            key.verify(signature, policy, padding.PKCS1v15(), digest)
    except InvalidSignature:
        raise Refused("signature") from None


def check_policy(text, url, from_url, case, rules):
    def members(pairs):
        if len({name for name, _ in pairs}) < len(pairs):
            rules.add("duplicate-member")
        return dict(pairs)

    def no_constant(_):
        raise ValueError("not JSON")

    try:
        root = json.loads(
            text.decode("utf-8"), object_pairs_hook=members, parse_int=Number, parse_float=Number, parse_constant=no_constant
        )
    except (ValueError, RecursionError):
        raise Refused("policy is not JSON") from None
    if b"\\" in text.replace(b"\\/", b""):
        rules.add("json-escape")
    statements = only(root, {"Statement"}, rules).get("Statement")
    if not isinstance(statements, list) or len(statements) != 1:
        raise Refused("policy has not one statement")
    statement = only(statements[0], {"Resource", "Condition"}, rules)
    condition = only(statement.get("Condition"), {"DateLessThan", "DateGreaterThan", "IpAddress"}, rules)
    if case["now"] >= epoch(condition.get("DateLessThan"), rules):
        raise Refused("expired")
    if "DateGreaterThan" in condition and case["now"] <= epoch(condition["DateGreaterThan"], rules):
        raise Refused("not yet valid")
    if "IpAddress" in condition:
        check_address(only(condition["IpAddress"], {"AWS:SourceIp"}, rules).get("AWS:SourceIp"), case["ip"], rules)
    if "Resource" not in statement:
        rules.add("no-resource")
        return
    resource = statement["Resource"]
    if isinstance(resource, Number) or not isinstance(resource, str) or not matches(resource, url):
        raise Refused("resource")
    if not re.match(r"https?://", resource):
        if not from_url:
            raise Refused("the resource of a cookie has no scheme")
        rules.add("resource-scheme")


def only(value, known, rules):
    if not isinstance(value, dict):
        raise Refused("policy has another form")
    if set(value) - known:
        rules.add("unknown-member")
    return value


def epoch(value, rules):
    literal = only(value, {"AWS:EpochTime"}, rules).get("AWS:EpochTime")
    if not isinstance(literal, Number):
        raise Refused("date is no number")
    if not re.fullmatch("0|[1-9][0-9]*", literal):
        rules.add("plain-integer")
    seconds = Decimal(literal)
    if seconds < 0 or seconds >= 10**11 or seconds != int(seconds):
        raise Refused("date is not in whole seconds")
    if seconds >= 2**31:
        rules.add("date-beyond-2038")
    return seconds


def check_address(block, ip, rules):
    if isinstance(block, Number) or not isinstance(block, str) or not re.fullmatch(r"[0-9.]+(/[0-9]{1,2})?", block):
        raise Refused("address")
    if not re.search(r"/(0|[1-9][0-9]?)$", block):
        rules.add("address-mask")
    try:
        network = ipaddress.IPv4Network(block, strict=False)
        inside = ipaddress.IPv4Address(ip) in network
    except ValueError:
        raise Refused("address") from None
    if not inside:
        raise Refused("address")
    if network.network_address != ipaddress.IPv4Interface(block).ip:
        # An address with bits behind its mask: not documented.
        rules.add("address-mask")


def from_base64(text, rules):
    plain = text.translate(bytes.maketrans(b"-_~", b"+=/"))
    try:
        decoded = base64.b64decode(plain + b"=" * (-len(plain.rstrip(b"=")) % 4))
    except ValueError:
        raise Refused("base64") from None
    if base64.b64encode(decoded).translate(bytes.maketrans(b"+=/", b"-_~")) != text:
        rules.add("strict-base64")
    return decoded


def percent_decoded(value):
    if re.search(rb"%(?![0-9A-Fa-f]{2})", value):
        return value
    return unquote_to_bytes(value)


def canned_string(url):
    """The URL in a canned policy: the text as it is in the request, with JSON's escapes of a quote and a backslash."""
    return '"' + url.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    trust = json.loads(sys.stdin.readline())
    trust["keys"] = {name: load_pem_public_key(pem.encode()) for name, pem in trust["keys"].items()}
    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line), trust)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
