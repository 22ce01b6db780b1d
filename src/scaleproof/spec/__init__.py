"""What is wanted: services, SLO, gateway, datastores, load and policy, and the files that say so."""
