"""What crosses the wire, defined once: the services serve these types and the clients call with them."""
