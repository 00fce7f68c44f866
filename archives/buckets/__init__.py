"""One file for each kind of storage; nothing about a vendor's SDK anywhere else."""
