# Debian with Python: what docker.io/library/python:3.11-slim-bookworm is elsewhere. The archive comes from mmdebstrap.
FROM scratch
ADD debian.tar /
CMD ["/bin/sh"]
