"""How many files the process may have open: each connection is one, and the database must not be left without."""

from __future__ import annotations

import logging
import resource

from sip.transport.connections import MAX_CONNECTIONS

logger = logging.getLogger(__name__)

# All connections, and more than listeners, the database, the log and the console's bus ever need.
WANTED = MAX_CONNECTIONS + 1_000


def allow_open_files() -> int:
    """Raise the soft limit, often 1,024, as far as the hard one lets us; gives what may be open now.

    Otherwise one address with MAX_CONNECTIONS_PER_SOURCE connections would keep the database from being opened.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= WANTED:
        return soft
    allowed = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError) as error:
        logger.warning("open files stay limited to %d (%s)", soft, error)
        return soft
    if allowed < WANTED:
        logger.warning(
            "the system allows %d open files, which is fewer than %d connections need: raise LimitNOFILE or ulimit -Hn",
            allowed,
            MAX_CONNECTIONS,
        )
    return allowed
