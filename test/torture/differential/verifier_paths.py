"""Paths as nginx, CloudFront and S3 read them, and the wildcards of a policy."""

import re
from urllib.parse import unquote_to_bytes

UNRESERVED = re.compile(rb"[A-Za-z0-9\-._~]")
RAW_SEGMENT = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@\[\]^|]|%[0-9A-F]{2})+")


def matches(pattern, text):
    p = t = 0
    star = resume = -1
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, resume, p = p, t, p + 1
        elif p < len(pattern) and pattern[p] in ("?", text[t]):
            p, t = p + 1, t + 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return pattern[p:].strip("*") == ""


def decoded_path(path):
    """nginx's reading: every escape decoded, dot segments removed."""
    return without_dots(unquote_to_bytes(path))


def normalised(path):
    """RFC 3986 section 6.2.2, by which CloudFront chooses the behaviour."""
    keep = lambda m: chr(int(m[1], 16)).encode() if UNRESERVED.match(bytes([int(m[1], 16)])) else m[0].upper()
    return without_dots(re.sub(rb"%([0-9A-Fa-f]{2})", keep, path))


def without_dots(path):
    kept = []
    segments = path.split(b"/")[1:]
    for i, segment in enumerate(segments):
        if segment == b"..":
            kept[-1:] = []
        elif segment != b".":
            kept.append(segment)
        if segment in (b".", b"..") and i == len(segments) - 1:
            kept.append(b"")
    return b"/" + b"/".join(kept)


def is_canonical(path):
    """docs: no empty, dot or ambiguous segment, escapes in upper case and only where they are needed, UTF-8."""
    segments = path.split(b"/")[1:]
    for i, segment in enumerate(segments):
        if segment == b"" and i == len(segments) - 1:
            continue
        if not RAW_SEGMENT.fullmatch(segment) or unquote_to_bytes(segment) in (b".", b".."):
            return False
        for escape in re.findall(rb"%([0-9A-F]{2})", segment):
            byte = bytes([int(escape, 16)])
            if UNRESERVED.match(byte) or byte in b"/\\" or byte < b" " or byte == b"\x7f":
                return False
        # A grant's prefix, two segments of a file's own path, has one spelling.
        if i < (4 if path.startswith(b"/assets/private/") else 2) and re.search(rb"[^A-Za-z0-9\-._~%]", segment):
            return False
        if text_of(unquote_to_bytes(segment)) is None:
            return False
    return True


def text_of(raw):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None if raw else ""
