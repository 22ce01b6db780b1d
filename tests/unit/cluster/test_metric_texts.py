from __future__ import annotations

from scaleproof.cluster.metric_texts import read_cadvisor, read_process

CADVISOR = """\
# HELP container_cpu_usage_seconds_total Cumulative cpu time consumed in seconds.
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="",cpu="total",id="/",image="",name="",namespace="",pod=""} 812.5 1795478400000
container_cpu_usage_seconds_total{container="",cpu="total",id="/kubepods/pod1",image="",name="",namespace="shop",pod="orders-1"} 99 1795478400500
container_cpu_usage_seconds_total{container="orders",cpu="total",id="/a",image="o:1",name="x",namespace="shop",pod="orders-1"} 10.25 1795478400500
container_cpu_usage_seconds_total{container="side",cpu="total",id="/b",image="s:1",name="y",namespace="shop",pod="orders-1"} 0.75 1795478400100
container_cpu_cfs_throttled_seconds_total{container="orders",id="/a",image="o:1",name="x",namespace="shop",pod="orders-1"} 3.5 1795478400500
container_memory_working_set_bytes{container="orders",id="/a",image="o:1",name="x",namespace="shop",pod="orders-1"} 1.048576e+08 1795478400500
container_memory_working_set_bytes{container="side",id="/b",image="s:1",name="y",namespace="shop",pod="orders-1"} 1e+06 1795478400100
container_memory_cache{container="orders",id="/a",namespace="shop",pod="orders-1"} 5
machine_cpu_cores{boot_id="",machine_id=""} 2
"""


def test_a_kubelets_page_by_pod_without_sandbox_and_sums() -> None:
    found = read_cadvisor(CADVISOR, now=0.0)
    assert (found.cores, found.at, found.cpu_seconds) == (2.0, 1795478400.0, 812.5)
    (reading,) = found.pods.values()
    assert (reading.cpu_seconds, reading.throttled_seconds) == (11.0, 3.5)
    assert reading.at == 1795478400.5
    assert reading.memory_bytes == 105857600


def test_a_line_without_a_time_was_read_now() -> None:
    line = 'container_cpu_usage_seconds_total{container="c",namespace="n",pod="p"} 1\n'
    assert read_cadvisor(line, now=77.0).pods["n", "p"].at == 77.0


def test_what_a_process_says_of_itself() -> None:
    text = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 5.5e+07\n"
    assert read_process(text) == (12.5, 55_000_000)
    assert read_process("http_requests_total 1\n") is None
