"""What Redis does in one step, each atomic.

Together they are the leases of memcached (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2), with versions for tags.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Script:
    """A Lua script, called by its digest."""

    text: str

    @cached_property
    def digest(self) -> str:
        """As Redis computes it."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


LOOK_UP = Script("""
-- KEYS: entry, lease, tags…   ARGV: header, token, life of a lease, life of a tag's version, least life left (milliseconds)
-- Answers {entry, milliseconds left}; or {stamp}: load it, the lease is yours; or {}: another one has the lease.
local stamp = ''
for i = 3, #KEYS do
  local version = redis.call('GET', KEYS[i])
  if not version then
    version = ARGV[2]
    redis.call('SET', KEYS[i], version, 'PX', ARGV[4])
  end
  stamp = stamp .. version
end
stamp = stamp .. ARGV[1]
local entry = redis.call('GET', KEYS[1])
if entry and string.sub(entry, 1, #stamp) == stamp then
  local left = redis.call('PTTL', KEYS[1])
  if left > tonumber(ARGV[5]) then
    return {entry, left}
  end
end
local lease = redis.call('GET', KEYS[2])
if lease and string.sub(lease, 1, #stamp) == stamp then
  return {}
end
redis.call('SET', KEYS[2], stamp .. ARGV[2], 'PX', ARGV[3])
return {stamp}
""")

FILL = Script("""
-- KEYS: entry, lease   ARGV: lease, entry, its life (milliseconds)
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
""")

RELEASE = Script("""
-- KEYS: lease   ARGV: lease
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
""")

INVALIDATE = Script("""
-- KEYS: entries, leases and tags' versions   ARGV: channel, message
-- A version that is gone is made anew by the next look-up, and is then another one: what was stamped with the old one is void.
for i = 1, #KEYS do
  redis.call('DEL', KEYS[i])
end
return redis.call('PUBLISH', ARGV[1], ARGV[2])
""")
