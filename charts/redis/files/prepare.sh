#!/bin/sh
# Writes the server's access rules, and the exporter's password, into memory. Runs once a pod, before the server.
# A password is read from a mounted Secret and leaves here only hashed: it is in no environment, no process list and no ConfigMap.
set -eu
umask 077

hash_of() { sha256sum | cut -d ' ' -f 1; }

rules=/run/redis/users.acl
if [ -n "${ACL_FILE:-}" ]; then
  cat "$ACL_FILE" > "$rules.unfinished"
  echo >> "$rules.unfinished"
elif [ -n "${PASSWORD_FILE:-}" ]; then
  password=$(cat "$PASSWORD_FILE")
  [ -n "$password" ] || { echo "$PASSWORD_FILE is empty: put the password into the Secret" >&2; exit 1; }
  echo "user default resetpass on #$(printf %s "$password" | hash_of) ~* &* +@all" > "$rules.unfinished"
else
  echo "user default on nopass ~* &* +@all" > "$rules.unfinished"
fi

if [ -n "${EXPORTER_ADDRESS:-}" ]; then
  own=$(head -c 32 /dev/urandom | hash_of)
  {
    printf 'user exporter on #%s resetkeys resetchannels -@all' "$(printf %s "$own" | hash_of)"
    echo " +ping +hello +auth +select +info +config|get +slowlog|get +slowlog|len +latency|latest +latency|histogram +client|setname"
  } >> "$rules.unfinished"
  printf '{"%s": "%s"}\n' "$EXPORTER_ADDRESS" "$own" > /run/exporter/passwords.json
fi
mv "$rules.unfinished" "$rules"
