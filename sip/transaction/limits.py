"""How many transactions may exist: what a flood can make us remember is bounded."""

# Requests without a final answer, and INVITEs until their end: about 6 KiB each with the request. A 2xx keeps an INVITE
# for 32 s on both sides (RFC 6026), so this is what one core needs for the calls it can handle, with some to spare.
MAX_LIVE_SERVER_TRANSACTIONS = 100_000
MAX_CLIENT_TRANSACTIONS = 100_000
# Answered non-INVITE requests, kept for retransmissions: about 1 KiB each. Timer J keeps them for 32 s; above this
# number the oldest go early, which under 20,000 requests a second still covers the first three retransmissions.
MAX_ANSWERED_TRANSACTIONS = 65_536
# §18.1.1: what is larger may not fit the path's datagrams, whose size we do not know, and goes by TCP.
MAX_DATAGRAM_REQUEST_BYTES = 1_300
# Seconds for an answer by TCP until UDP is tried after all: behind NAT or a firewall nobody refuses, all are deaf.
STREAM_PATIENCE = 2.0
STREAM_REFUSED_INTERVAL = 600.0  # seconds in which a target that would not have TCP gets UDP at once
