"""scripts/lab: finwaitd shown at work between a client and a server, for people."""
