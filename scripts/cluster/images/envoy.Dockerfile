# Envoy out of its wheel, with the libraries that it loads and nothing else.
FROM scratch
COPY root/ /
ENV PATH=/usr/local/bin
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/envoy"]
