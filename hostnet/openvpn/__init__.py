"""Links between machines over UDP and TCP, with the options and, unencrypted, the wire format of OpenVPN."""
