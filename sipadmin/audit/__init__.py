"""The audit trail: who changed what, from what to what, from where and why."""
