"""Download links, as nginx documents its secure_link module and docs/single-server.md the text that is hashed."""

import base64
import hashlib
import re

from verifier_paths import decoded_path


class Refused(Exception):
    """The reason why a request is not covered."""


def judge_link(path, query, now, secret, rules):
    found = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        found.setdefault(name.lower(), []).append(value)
        if name != name.lower():
            rules.add("parameter-case")
    names = (b"md5", b"expires", b"prefix", b"response-content-disposition")
    if any(len(found.get(name, [])) > 1 for name in names):
        rules.add("duplicates")
    for pick in (0, -1):
        md5, expires, prefix, disposition = (found[name][pick] if name in found else None for name in names)
        if md5 is None or expires is None or not re.fullmatch(rb"[0-9]{1,15}", expires) or now > int(expires):
            continue
        if expires.startswith(b"0"):
            rules.add("plain-integer")
        name = b"" if disposition is None else b"?response-content-disposition=" + disposition
        # The bucket reads a plus sign as a space, and a link is for the key that is read.
        subjects = [decoded_path(path.replace(b"+", b"%20")) + name]
        if prefix is not None and prefix.endswith(b"/") and path.startswith(prefix):
            subjects.append(prefix + b"*")
            if not prefix.startswith(b"/assets/private/"):
                rules.add("link-folder")
        for subject in subjects:
            right = hashlib.md5(expires + subject + b" " + secret.encode()).digest()
            try:
                if base64.urlsafe_b64decode(md5 + b"=" * (-len(md5) % 4)) != right:
                    continue
            except ValueError:
                continue
            if base64.urlsafe_b64encode(right).rstrip(b"=") != md5:
                rules.add("strict-base64")
            return
    raise Refused("link")
