"""Ethernet frames in and out of the host: switches, TAP, packet sockets, links, user-mode networks."""
