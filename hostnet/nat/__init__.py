"""Source NAT of a guest's network: rules from one description for nftables, NPF and PF."""
