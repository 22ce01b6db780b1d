"""The receiver of `telemetry.traces.endpoint: local`, and what it keeps."""

import asyncio

import pytest
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scaleproof.runtime.otlp import read_spans
from scaleproof.runtime.span_file import NAME, OLDER, SpanFile, read_span_file
from scaleproof.runtime.trace_receiver import create_receiver
from scaleproof.telemetry.spans import Span


def exported(count=1, *, status=None, start=1_000_000_000_000_000_000, **attributes) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "orders"
    scope = resource.scope_spans.add()
    for number in range(count):
        span = scope.spans.add(
            trace_id=b"\x01" * 16, span_id=bytes([number + 1]) * 8, name="GET /x", kind=2, start_time_unix_nano=start
        )
        span.end_time_unix_nano = start + 250_000_000
        for name, value in attributes.items():
            span.attributes.add(key=name.replace("__", ".")).value.string_value = value
        if status is not None:
            span.attributes.add(key="http.response.status_code").value.int_value = status
            span.status.code = 2 if status >= 500 else 0
    return request.SerializeToString()


def test_a_span_is_read():
    assert read_spans(exported(status=503, peer__service="identity")) == [
        Span("01" * 16, "01" * 8, "", "orders", "GET /x", "server", 1e9, 0.25, 503, True, "identity")
    ]


@pytest.mark.parametrize(("value", "status"), [("200", 200), ("", 0), ("teapot", 0), ("99999", 0)])
def test_envoy_writes_the_status_as_text(value, status):
    assert read_spans(exported(http__status_code=value))[0].status == status


def test_what_is_no_otlp_is_refused():
    with pytest.raises(ValueError, match="not an OTLP request"):
        read_spans(b"\xff\xff")


def ask(folder, *requests):
    """(status) of each (path, body, content type)."""

    async def talk():
        async with TestClient(TestServer(create_receiver(SpanFile(folder)))) as client:
            found = []
            for path, body, kind in requests:
                answer = await client.post(path, data=body, headers={"content-type": kind})
                found.append(answer.status)
            return found

    return asyncio.run(talk())


def test_what_is_sent_is_kept_and_what_is_not_understood_is_said(tmp_path):
    protobuf = "application/x-protobuf"
    assert ask(
        tmp_path,
        ("/v1/traces", exported(3), protobuf),
        ("/v1/traces", b"\xff\xff", protobuf),
        ("/v1/traces", b"{}", "application/json"),
        ("/v1/metrics", b"", protobuf),
        ("/v1/traces", b"x" * (17 * 2**20), protobuf),
    ) == [200, 400, 415, 404, 413]
    assert [span.span_id for span in read_span_file(tmp_path)] == ["01" * 8, "02" * 8, "03" * 8]


def test_two_files_of_bounded_length(tmp_path):
    file = SpanFile(tmp_path, most_lines=10)
    spans = read_spans(exported(4))
    for _ in range(20):
        file.append(spans)
        lines = [len((tmp_path / name).read_text().splitlines()) for name in (NAME, OLDER) if (tmp_path / name).exists()]
        assert max(lines) <= 10
    assert 8 <= len(read_span_file(tmp_path)) <= 20
    again = SpanFile(tmp_path, most_lines=10)
    again.append(spans * 2)
    assert len((tmp_path / NAME).read_text().splitlines()) <= 10, "a receiver that was started again counts what is there"


def test_a_time_is_cut_out_and_half_a_line_is_left_out(tmp_path):
    file = SpanFile(tmp_path)
    for second in (1, 2, 3):
        file.append(read_spans(exported(start=second * 10**9)))
    with (tmp_path / NAME).open("a") as half:
        half.write('{"trace_id": "ab')
    assert [span.start_s for span in read_span_file(tmp_path, 2.0, 3.0)] == [2.0]
    assert len(read_span_file(tmp_path)) == 3
    assert read_span_file(tmp_path / "nowhere") == []
