"""The front hands everything on, and counts what it hands on."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from analemma.hardware.aws.clients import AwsClients, AwsSettings
from benchmarks.cloud.front import Front, named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Behind(BaseHTTPRequestHandler):
    """Takes what it is sent, and refuses what is called ``refused``."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        whole = b"x" * 1000 in body or not body
        self._say(412 if "refused" in self.path or not whole else 200, b"")

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1234")
        self.end_headers()

    def do_GET(self) -> None:
        self._say(200, b"content")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def front() -> Iterator[Front]:
    behind = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    thread = threading.Thread(target=behind.serve_forever, daemon=True)
    thread.start()
    with Front(f"http://127.0.0.1:{behind.server_address[1]}").serving() as made:
        yield made
    behind.shutdown()
    behind.server_close()
    thread.join()


@pytest.fixture
def s3(front: Front) -> "Iterator[S3Client]":
    settings = AwsSettings(
        "us-east-1", front.endpoint, "somebody", "secret", attempts=1
    )
    client = AwsClients(settings).s3()
    yield client
    client.close()


def test_calls_of_a_client_are_counted_by_caller_operation_and_body(
    front: Front, s3: "S3Client"
) -> None:
    # A trailing checksum goes out in chunks, which only the front may see.
    s3.put_object(Bucket="bucket", Key="key", Body=b"x" * 1000)
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"content"
    assert s3.head_object(Bucket="bucket", Key="key")["ContentLength"] == 1234

    put, got, headed = front.calls()
    assert {call.key for call in (put, got, headed)} == {"somebody"}
    assert [call.name for call in (put, got, headed)] == [
        "s3.PutObject",
        "s3.GetObject",
        "s3.HeadObject",
    ]
    assert put.billed_request_bytes >= 1000
    assert got.billed_response_bytes == len(b"content")


def test_refused_call_is_counted_with_its_status(front: Front, s3: "S3Client") -> None:
    with pytest.raises(s3.exceptions.ClientError):
        s3.put_object(Bucket="bucket", Key="refused", Body=b"", ChecksumSHA256="")

    assert [call.status for call in front.calls()] == [412]


def test_threads_lose_no_call_and_forgetting_forgets(
    front: Front, s3: "S3Client"
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.head_object(Bucket="b", Key=str(n)), range(64)))

    assert len(front.calls()) == 64
    front.forget()
    assert front.calls() == []


def signed(service: str) -> dict[str, str]:
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential=k/20260101/r/{service}/aws4, x"
    }


@pytest.mark.parametrize(
    ("method", "path", "headers", "name"),
    [
        (
            "POST",
            "/",
            {"x-amz-target": "DynamoDB_20120810.Query"},
            ("dynamodb", "Query"),
        ),
        (
            "POST",
            "/",
            {"x-amz-target": "AWSStepFunctions.StartExecution"},
            ("sfn", "StartExecution"),
        ),
        ("GET", "/b?list-type=2", signed("s3"), ("s3", "ListObjectsV2")),
        ("GET", "/b/pages/x", signed("s3"), ("s3", "GetObject")),
        ("DELETE", "/b/pages/x", signed("s3"), ("s3", "DeleteObject")),
        ("GET", "/f", signed("lambda"), ("lambda", "GET /f")),
        ("GET", "/f", {}, ("unknown", "GET /f")),
    ],
)
def test_requests_have_the_names_that_botocore_gives_them(
    method: str, path: str, headers: dict[str, str], name: tuple[str, str]
) -> None:
    assert named(method, path, headers) == name
