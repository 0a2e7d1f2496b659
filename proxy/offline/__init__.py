"""MESSAGE for users who are away: stored, and delivered when they register (RFC 3428 §7)."""
