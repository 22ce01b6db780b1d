"""Upstream's answers: the program of build.py, asked over pipes."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile

from upstream.build import oracle


class Oracle:
    """One process; a question is a list of cases (the syncs of one autoscaler), the answer a list as long."""

    def __init__(self):
        read, write = os.pipe()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        environment = {**os.environ, "ORACLE_OUT": f"/proc/self/fd/{write}", "GOMAXPROCS": "1", "GOGC": "400"}
        self._process = subprocess.Popen(
            [oracle(), "-test.run=TestOracle", "-test.timeout=0"],
            stdin=subprocess.PIPE,
            stdout=self._complaints,
            stderr=self._complaints,
            pass_fds=[write],
            env=environment,
        )
        os.close(write)
        self._answers = os.fdopen(read, encoding="utf-8")

    def ask(self, cases):
        self._process.stdin.write(json.dumps(cases).encode() + b"\n")
        self._process.stdin.flush()
        line = self._answers.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            raise RuntimeError(f"upstream's controller stopped:\n{self._complaints.read().decode()[-4000:]}")
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._answers.close()
        self._complaints.close()
