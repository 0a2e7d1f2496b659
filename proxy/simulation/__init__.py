"""What would become of a request: the proxy itself, on an endpoint that sends nothing."""
