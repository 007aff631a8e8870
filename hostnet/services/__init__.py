"""What a diskless Sun asks its servers for: RARP, BOOTP, TFTP, bootparams, NFS."""
