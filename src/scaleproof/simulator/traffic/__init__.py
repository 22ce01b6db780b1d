"""One service under recorded traffic, second by second: rates in, cost and violation out, for thousands of policies."""
