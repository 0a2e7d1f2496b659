"""How many transactions may exist: what a flood can make us remember is bounded."""

# Requests without a final answer, and INVITEs until their end: about 6 KiB each with the request.
MAX_LIVE_SERVER_TRANSACTIONS = 50_000
# Answered non-INVITE requests, kept for retransmissions: about 1 KiB each. Timer J keeps them for 32 s; above this
# number the oldest go early, which under 20,000 requests a second still covers the first three retransmissions.
MAX_ANSWERED_TRANSACTIONS = 65_536
MAX_CLIENT_TRANSACTIONS = 50_000
