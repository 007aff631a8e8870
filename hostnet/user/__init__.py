"""Networking without privilege: the guest's packets become sockets of this process."""
