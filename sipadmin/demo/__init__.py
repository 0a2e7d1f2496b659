"""Test phones that really register and call over a socket, and the demo made of them."""
