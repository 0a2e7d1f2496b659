"""Links and QR codes that set up a phone: one use, a short life."""
