#!/bin/sh
# The server answers commands. A refusal for want of a password or of a right is an answer too, so the probe needs none.
answer=$({{ .Values.engine }}-cli -h 127.0.0.1 -p {{ int .Values.service.port }}{{ include "redis.cliTls" . }} ping 2>&1)
case "$answer" in
  *PONG* | *NOAUTH* | *NOPERM*) exit 0 ;;
esac
echo "$answer"
exit 1
