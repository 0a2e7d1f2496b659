"""Size limits of one message: a peer past them is broken or hostile."""

MAX_MESSAGE_BYTES = 65_535  # the largest UDP datagram; the same on streams, so that a hop never changes what passes
MAX_LINE_CHARACTERS = 8_192  # one header field line; the longest seen in practice are Identity and Path, below 4 KiB
MAX_FIELDS = 200  # header field lines; a call through ten proxies has about 60
MAX_VIAS = 70  # Max-Forwards starts at 70 (§8.1.1.6), so an honest request has no more hops behind it
MAX_ROUTES = 20  # a Route set longer than this serves only amplification
MAX_CONTACTS = 50  # per REGISTER; a user has a handful of phones
MAX_URI_CHARACTERS = 2_048  # one URI; GRUUs and sips with parameters stay below 300
CACHED_CHARACTERS = 512  # longer texts are parsed each time, so that the caches cannot be made to fill memory
