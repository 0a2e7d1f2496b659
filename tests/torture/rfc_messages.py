"""What a server owes to each message of RFC 4475 and RFC 5118, by RFC 3261's rules. The messages are not here: only
the names that the RFCs give them.

Of each: what happens where the Request-URI's domain is somebody else's (``foreign``: a proxy that may relay) and where
it is ours (``home``: registrar, and proxy for users with a phone); ``tcp`` where a stream makes a difference.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.torture.server import FORWARDED, SILENT, Outcome


class Owed(NamedTuple):
    """``why`` names the rule and its section (of RFC 3261 unless it says otherwise)."""

    name: str
    foreign: Outcome
    home: Outcome
    why: str
    tcp: Outcome | None = None


RFC4475 = [
    # Well-formed, though unusual
    Owed("wsinv", FORWARDED, FORWARDED, "§7.3.1: white space, folds, compact forms and case do not matter"),
    Owed("intmeth", FORWARDED, 404, "§25.1: tokens and quoted strings may hold nearly anything; no user of ours"),
    Owed("esc01", FORWARDED, 404, "§19.1.2: an escaped user is a user; sips:user@example.com is none of ours"),
    Owed("escnull", FORWARDED, 200, "§19.1.4: %00 and %00%00 are two contacts"),
    Owed("esc02", FORWARDED, 501, "§25.1: % in a method is no escape, so this is no REGISTER"),
    Owed("lwsdisp", FORWARDED, FORWARDED, "§25.1: no white space is needed before <"),
    Owed("longreq", FORWARDED, FORWARDED, "§7.3.1: long values are legal"),
    Owed("dblreq", FORWARDED, 200, "§18.3: what follows Content-Length in a datagram is dropped"),
    Owed("semiuri", FORWARDED, 404, "§19.1.1: a semicolon before @ belongs to the user"),
    Owed("transports", FORWARDED, FORWARDED, "§20.42: transports of earlier hops need not be known"),
    Owed("mpart01", 403, 403, "§26.3.2.2: no route to this machine for others; nor, at home, without a password"),
    Owed("unreason", SILENT, SILENT, "§18.1.2: a response to nobody here"),
    Owed("noreason", SILENT, SILENT, "§7.2: an empty reason is legal; a response to nobody here"),
    # Not well-formed
    Owed("badinv01", 400, 400, "§16.3 step 1: Via is needed and malformed"),
    Owed("clerr", 400, 400, "§18.3: a datagram shorter than its Content-Length", tcp=SILENT),
    Owed("ncl", 400, 400, "§20.14: Content-Length is not negative"),
    Owed("scalar02", 400, 400, "§8.1.1.5: CSeq is less than 2**31"),
    Owed("scalarlg", SILENT, SILENT, "§16.7, §18.3: a malformed response is dropped"),
    Owed("quotbal", 400, 400, "§25.1: a quoted string ends"),
    Owed("ltgtruri", 400, 400, "§25.1: no <> around a Request-URI"),
    Owed("lwsruri", 400, 400, "§7.1: no white space inside a Request-URI"),
    Owed("lwsstart", 400, 400, "§7.1: single spaces in the Request-Line"),
    Owed("trws", 400, 400, "§7.1: no white space after the Request-Line"),
    Owed("escruri", FORWARDED, FORWARDED, "§16.6 step 2: header fields of a Request-URI go no further"),
    Owed("baddate", FORWARDED, FORWARDED, "§16.3 step 1: a malformed field that no proxy needs is passed on"),
    Owed("regbadct", FORWARDED, 400, "§20.10: a URI with ? needs <>; none of a proxy's business"),
    Owed("badaspec", FORWARDED, FORWARDED, "§16.3 step 1: a proxy needs nothing of To but its tag"),
    Owed("baddn", 400, 400, "§20: a display name with a comma needs quotes"),
    Owed("badvers", 505, 505, "§7.1, §21.5.6: only SIP/2.0 is understood"),
    Owed("mismatch01", 400, 400, "§8.1.1.5: CSeq names the method of the request"),
    Owed("mismatch02", 400, 400, "§8.1.1.5: CSeq names the method of the request, known or not"),
    Owed("bigcode", SILENT, SILENT, "§7.2: a status has three digits; a malformed response is dropped"),
    # Transactions
    Owed("badbranch", FORWARDED, FORWARDED, "§17.2.3: a cookie and nothing behind it is matched like RFC 2543's"),
    # Applications
    Owed("insuf", 400, 400, "§8.1.1: From, To and Call-ID are missing"),
    Owed("unkscm", 416, 416, "§16.3 step 2: the scheme of the Request-URI is not known"),
    Owed("novelsc", 416, 416, "§16.3 step 2: not even when it has a host"),
    Owed("unksm2", FORWARDED, 404, "§10.3 step 5: To is no address-of-record of the domain"),
    Owed("bext01", 420, 420, "§16.3 step 5: Proxy-Require is not known; Require is not asked"),
    Owed("invut", FORWARDED, FORWARDED, "§7.4: no proxy looks at a body's type"),
    Owed("regaut01", FORWARDED, 200, "§22.1: nobody is asked who he is, so credentials are not looked at"),
    Owed("multi01", 400, 400, "§7.3.1: header fields that are no lists stand once"),
    Owed("mcl01", 400, 400, "§7.3.1, §18.3: two lengths are none"),
    Owed("bcast", SILENT, SILENT, "§18.1.2: the top Via is not ours"),
    Owed("zeromf", 483, 483, "§16.3 step 3: no hop is left"),
    Owed("cparam01", FORWARDED, 200, "§20.10: without <> the parameter is the header field's"),
    Owed("cparam02", FORWARDED, 200, "§19.1.1: inside <> it is the URI's"),
    # §10.3 lets a registrar have its own policy: the contact is the address-of-record itself.
    Owed("regescrt", FORWARDED, 403, "§19.1.1: header fields are legal in a Contact; a contact that leads back is not"),
    Owed("sdp01", FORWARDED, FORWARDED, "§7.4: what the answer may look like is not for proxies"),
    Owed("inv2543", FORWARDED, FORWARDED, "§8.1.1, §16.3: no tag, branch or Max-Forwards", tcp=400),
]

RFC5118 = [
    Owed("ipv6-good", FORWARDED, 200, "RFC 5118 §4.1: an address in brackets is a host"),
    Owed("ipv6-bad", 400, 400, "RFC 5118 §4.2: an address without brackets is none"),
    Owed("port-ambiguous", FORWARDED, FORWARDED, "RFC 5118 §4.3: inside the brackets all is address, not ours here"),
    Owed("port-unambiguous", FORWARDED, 200, "RFC 5118 §4.4: behind the brackets is the port"),
    Owed("via-received-param-with-delim", FORWARDED, 481, "RFC 5118 §4.5: received in brackets"),
    Owed("via-received-param-no-delim", FORWARDED, 200, "RFC 5118 §4.5: received without brackets"),
    Owed("ipv6-in-sdp", FORWARDED, FORWARDED, "RFC 5118 §4.6: the body is not ours to read"),
    Owed("mult-ip-in-header", FORWARDED, FORWARDED, "RFC 5118 §4.7: Vias of both versions"),
    Owed("mult-ip-in-sdp", FORWARDED, FORWARDED, "RFC 5118 §4.8: the body is not ours to read"),
    Owed("ipv4-mapped-ipv6", FORWARDED, FORWARDED, "RFC 5118 §4.9: an IPv4-mapped address is an address"),
    Owed("ipv6-bug-abnf-3-colons", 400, 400, "RFC 5118 §4.10, RFC 3986 §3.2.2: three colons are a mistake"),
    Owed("ipv6-correct-abnf-2-colons", FORWARDED, FORWARDED, "RFC 5118 §4.10: two are right"),
]
