"""Messages of our own that probe the rules RFC 4475 and RFC 5118 probe: one for each of theirs, by its name.

Each is owed the same answer. Alice calls from elsewhere; Bob is at example.org, which is the server's own domain where
it is at home.
"""

from __future__ import annotations

ALICE = "Alice <sip:alice@elsewhere.example>;tag=a"
AT_IPV6 = "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKown"
SDP = "v=0\r\no=alice 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
SDP_LINES = ("Content-Type: application/sdp",)
RESPONSE = ("Via: SIP/2.0/UDP 203.0.113.77;branch=z9hG4bKother", "-Max-Forwards", "-Contact")


def message(start: str, *lines: str, body: bytes | str = b"", cseq: str = "") -> bytes:
    """Bytes of a message with this start line. A line takes the place of the usual one of its name, or comes last;
    "-Name" leaves the usual one out. "CSeq" names the method of the start line unless told otherwise."""
    usual = {
        "Via": "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKown",
        "Max-Forwards": "70",
        "From": ALICE,
        "To": "<sip:bob@example.org>",
        "Call-ID": "own@alice",
        "CSeq": cseq or f"7 {start.split()[0]}",
        "Contact": "<sip:alice@192.0.2.10>",
    }
    data = body.encode() if isinstance(body, str) else body
    usual["Content-Length"] = str(len(data))
    replaced: set[str] = set()
    further: list[str] = []
    for line in lines:
        name, _, value = line.partition(": ")
        if line.startswith("-"):
            del usual[line[1:]]
        elif name in usual and name not in replaced:
            usual[name] = value
            replaced.add(name)
        else:
            further.append(line)
    head = [start, *(f"{name}: {value}" for name, value in usual.items()), *further, "", ""]
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + data


def invite(uri: str, *lines: str) -> bytes:
    return message(f"INVITE {uri} SIP/2.0", *lines, *SDP_LINES, body=SDP)


def options(uri: str, *lines: str) -> bytes:
    return message(f"OPTIONS {uri} SIP/2.0", *lines)


def register(*lines: str, uri: str = "sip:example.org") -> bytes:
    sender = [] if any(line.startswith("From:") for line in lines) else ["From: <sip:bob@example.org>;tag=b"]
    return message(f"REGISTER {uri} SIP/2.0", *sender, *lines)


def answer(start: str, *lines: str, cseq: str = "7 INVITE") -> bytes:
    return message(start, *RESPONSE, *lines, cseq=cseq)


BOB = "sip:bob@example.org"
ODD_METHOD = "*odd.Method~'`+_%!"
ODD_USER = "un;usual,=but/legal?&$+user-_.!~*'()"

OWN = {
    "wsinv": invite(
        BOB,
        "-To",
        "-From",
        "-CSeq",
        "-Via",
        "tO\t :\r\n\tBob  <sip:bob@example.org>",
        "F:Alice<sip:alice@elsewhere.example>\r\n ; tag  =  a",
        "cSEQ:7\r\n\t INVITE",
        "V : SIP  /  2.0 /\r\n UDP 192.0.2.10 ;\r\n branch = z9hG4bKown , SIP/2.0/TCP a.example ; branch = z9hG4bK1",
        "Odd: ,;,;",
        "S:",
    ),
    "intmeth": message(
        f"{ODD_METHOD} sip:{ODD_USER}:pass@example.org SIP/2.0",
        'To: "quoted \\\x00 \\\x07 \\"" <sip:bob@example.org>',
        "From: a~'`+ b%!*._- <sip:alice@elsewhere.example>;odd=\"\u20ac\";tag=a~'`",
        'Call-ID: <odd>:\\/"[]?{}()@odd',
        "Odd~'`+_%!*.-: \udcff\udcfe",
        "Max-Forwards: 255",
    ),
    "esc01": invite(
        "sip:sips%3Abob%40example.org@example.org",
        "To: <sip:%62ob@example.org>",
        "Contact: <sip:%61lice@192.0.2.10;l%72>",
    ),
    "escnull": register("Contact: <sip:%00@192.0.2.21>", "Contact: <sip:%00%00@192.0.2.21>"),
    "esc02": message("REGIS%54ER sip:example.org SIP/2.0", "C%6Fntact: <sip:bob@192.0.2.22>"),
    "lwsdisp": options(BOB, "From: alice<sip:alice@elsewhere.example>;tag=a"),
    "longreq": invite(
        BOB,
        f'To: "{"Bob " * 200}" <sip:bob@example.org;p={"long" * 100}>',
        f"Odd: {'long ' * 300}",
        f"Call-ID: {'long' * 40}",
    ),
    "dblreq": register("Contact: <sip:bob@192.0.2.21>")
    + b"\r\n\r\n"
    + invite("sip:carol@example.org", "Call-ID: second@alice", "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2"),
    "semiuri": options("sip:bob;day=tuesday@example.org"),
    "transports": options(
        BOB,
        *(
            f"Via: SIP/2.0/{name} h{name}.example;branch=z9hG4bK{name}"
            for name in ("UDP", "DCCP", "TLS", "PIGEON", "TCP")
        ),
    ),
    "mpart01": message(
        f"MESSAGE {BOB} SIP/2.0",
        "From: <sip:alice@example.org>;tag=a",
        "Route: <sip:127.0.0.1:5080>",
        "Content-Type: multipart/mixed;boundary=b",
        body=b"--b\r\nContent-Type: application/octet-stream\r\n\r\n\x00\xff\r\n\r\n\x80\r\n--b--\r\n",
    ),
    "unreason": answer("SIP/2.0 200 \u00e7a va = 100 %"),
    "noreason": answer("SIP/2.0 183 "),
    "badinv01": invite(BOB, "Via: SIP/2.0/UDP 192.0.2.10;;branch=z9hG4bKown,,;"),
    "clerr": message(f"INVITE {BOB} SIP/2.0", *SDP_LINES, "Content-Length: 4000", body=SDP),
    "ncl": message(f"INVITE {BOB} SIP/2.0", *SDP_LINES, "Content-Length: -1", body=SDP),
    "scalar02": register(
        "CSeq: 4294967296 REGISTER",
        "Expires: 99999999999999999999",
        "Contact: <sip:bob@192.0.2.21>;expires=999999999999",
    ),
    "scalarlg": answer("SIP/2.0 500 No", "Retry-After: 99999999999999999999", cseq="99999999999999999999 OPTIONS"),
    "quotbal": invite(BOB, 'To: "Bob <sip:bob@example.org>'),
    "ltgtruri": invite(f"<{BOB}>"),
    "lwsruri": invite(f"{BOB}; transport=udp"),
    "lwsstart": message(f"OPTIONS   {BOB} SIP/2.0"),
    "trws": message(f"OPTIONS {BOB} SIP/2.0 "),
    "escruri": invite(f"{BOB}?Route=%3Csip:203.0.113.9;lr%3E"),
    "baddate": invite(BOB, "Date: Mon, 02 Jan 2006 15:04:05 CET"),
    "regbadct": register("Contact: sip:bob@192.0.2.21?Subject=x"),
    "badaspec": options(BOB, 'To: "Bob" <  sip:bob@example.org >'),
    "baddn": options(BOB, "From: Liddell, Alice <sip:alice@elsewhere.example>;tag=a"),
    "badvers": message(f"OPTIONS {BOB} SIP/3.1"),
    "mismatch01": message(f"OPTIONS {BOB} SIP/2.0", cseq="7 REGISTER"),
    "mismatch02": message(f"UNHEARDOF {BOB} SIP/2.0", cseq="7 OPTIONS"),
    "bigcode": answer("SIP/2.0 2000 Too good"),
    "badbranch": options(BOB, "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK"),
    "insuf": message(f"OPTIONS {BOB} SIP/2.0", "-From", "-To", "-Call-ID"),
    "unkscm": options("fancy:whoever"),
    "novelsc": options("fancy.new://192.0.2.77:77"),
    "unksm2": register("To: <urn:bob>", "From: <urn:bob>;tag=b", "Contact: <urn:bob:desk>"),
    "bext01": options(BOB, "Require: oneThing", "Proxy-Require: another, third"),
    "invut": message(f"INVITE {BOB} SIP/2.0", "Content-Type: application/never-heard-of", body=b"?"),
    "regaut01": register("Contact: <sip:bob@192.0.2.21>", "Authorization: Handshake firmness=7"),
    "multi01": invite(
        BOB,
        "Max-Forwards: 70",
        "Call-ID: one@alice",
        "Call-ID: two@alice",
        "To: <sip:carol@example.org>",
        "To: <sip:dave@example.org>",
    ),
    "mcl01": message(f"OPTIONS {BOB} SIP/2.0", "Content-Length: 3", "Content-Length: 2", body=b"abcd"),
    "bcast": answer("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKmany"),
    "zeromf": options(BOB, "Max-Forwards: 0"),
    "cparam01": register("Contact: sip:bob@192.0.2.21;colour"),
    "cparam02": register("Contact: <sip:bob@192.0.2.21;colour>"),
    "regescrt": register("Contact: <sip:bob@example.org?Subject=x>"),
    "sdp01": invite(BOB, "Accept: text/never-heard-of"),
    "inv2543": message(
        f"INVITE {BOB} SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.10",
        "From: <sip:alice@elsewhere.example>",
        "-Max-Forwards",
        "-Contact",
        "-Content-Length",
        "Record-Route: <sip:alice@192.0.2.10;maddr=old.example>",
        *SDP_LINES,
        body=SDP,
    ),
    "ipv6-good": register(
        AT_IPV6, "Contact: <sip:bob@[2001:db8::77]>", "To: <sip:bob@example.com>", uri="sip:[2001:db8::10]"
    ),
    "ipv6-bad": register(AT_IPV6, "Contact: <sip:bob@[2001:db8::77]>", uri="sip:2001:db8::10"),
    "port-ambiguous": register(AT_IPV6, "Contact: <sip:bob@[2001:db8::77]>", uri="sip:[2001:db8::10:5060]"),
    "port-unambiguous": register(
        AT_IPV6, "Contact: <sip:bob@[2001:db8::77]>", "To: <sip:bob@example.com>", uri="sip:[2001:db8::10]:5070"
    ),
    "via-received-param-with-delim": message(
        "BYE sip:[2001:db8::10] SIP/2.0",
        "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::77];branch=z9hG4bKown",
        "To: <sip:bob@example.com>;tag=b",
    ),
    "via-received-param-no-delim": options(
        "sip:[2001:db8::10]", "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::77;branch=z9hG4bKown"
    ),
    "ipv6-in-sdp": message(
        "INVITE sip:bob@[2001:db8::10] SIP/2.0",
        AT_IPV6,
        *SDP_LINES,
        body=SDP.replace("IP4 192.0.2.10", "IP6 2001:db8::77"),
    ),
    "mult-ip-in-header": message(
        "BYE sip:bob@desk.elsewhere.example SIP/2.0",
        "Via: SIP/2.0/UDP [2001:db8::9:1]:5070;branch=z9hG4bKown",
        "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2",
        "Via: SIP/2.0/TCP [2001:db8::7];branch=z9hG4bK3;received=192.0.2.7",
        "To: <sip:bob@elsewhere.example>;tag=b",
    ),
    "mult-ip-in-sdp": message(
        "INVITE sip:bob@[2001:db8::10] SIP/2.0",
        AT_IPV6,
        *SDP_LINES,
        body=SDP + "m=video 4002 RTP/AVP 31\r\nc=IN IP6 2001:db8::77\r\n",
    ),
    "ipv4-mapped-ipv6": invite(
        BOB, "Via: SIP/2.0/UDP [::ffff:192.0.2.11]:5070;branch=z9hG4bKown", "Contact: <sip:alice@[::ffff:192.0.2.11]>"
    ),
    "ipv6-bug-abnf-3-colons": options("sip:bob@[2001:db8:::192.0.2.99]"),
    "ipv6-correct-abnf-2-colons": options("sip:bob@[2001:db8::192.0.2.99]"),
}
