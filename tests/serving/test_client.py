"""The REST client and its command, against a server with scripted responses."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fgmix.__main__ import main
from fgmix.cli.main import run
from fgmix.errors import FgmixError
from fgmix.serving import client
from fgmix.serving.client import BATCH, ServedModel, query_files
from tests.server import running

HTML = b"<html><body>Sign in to the proxy</body></html>"


class Canned(ThreadingHTTPServer):
    """Sends the same response to every request, and records the requests.

    Attributes:
        asked: The path and JSON of every request so far.
        status: The status of the responses.
        kind: Their content type.
        body: Their content; None for the rows that a model would return.
        seconds: The delay of each.
        missing: The number of bytes that each lacks of the announced length.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = []
        self.status, self.kind, self.body = 200, "application/json", None
        self.seconds, self.missing = 0.0, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Ignores clients that have disconnected."""


class _Handler(BaseHTTPRequestHandler):
    server: Canned

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, asked))
        time.sleep(self.server.seconds)
        body = self.server.body
        if body is None:
            rows = [predicted(row["image_bytes"]["b64"]) for row in asked["instances"]]
            body = json.dumps({"predictions": rows}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(body) + self.server.missing))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def predicted(encoded):
    """Returns a model's row for a photo, with the photo's content as the label."""
    label = base64.b64decode(encoded).decode()
    valid = not label.startswith("bad")
    return {
        "probabilities": [0.25, 0.75],
        "top_labels": [label, "other"] if valid else ["", ""],
        "top_probabilities": [0.75, 0.2500004] if valid else [0.0, 0.0],
        "valid": valid,
    }


@pytest.fixture
def server():
    with running(Canned()) as server:
        yield server


@pytest.fixture
def write(tmp_path):
    """Writes files whose content is their own stem, and returns them."""

    def write(*names):
        for name in names:
            (tmp_path / name).write_text(name.split(".")[0])
        return [tmp_path / name for name in names]

    return write


@pytest.fixture
def query(capsys):
    def query(*argv):
        code = run(main, ["query", *map(str, argv)])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return query


@pytest.fixture
def refusal(server, query, write):
    """Returns the one-line error message for a response."""

    def refusal(*flags):
        code, answers, err = query("--url", server.url, "--model", "m", *flags, *write("a.jpg"))
        assert (code, answers) == (2, [])
        assert err.startswith("error: ")
        assert len(err.splitlines()) == 1
        return err.removeprefix("error: ").removesuffix("\n")

    return refusal


def test_a_line_holds_path_label_probability_and_top(server, query, write):
    [path] = write("heron.jpg")
    code, [answer], err = query("--url", server.url, "--model", "birds", path)
    assert (code, err) == (0, "")
    assert list(answer.items()) == [
        ("path", str(path)),
        ("label", "heron"),
        ("probability", 0.75),
        ("top", [["heron", 0.75], ["other", 0.25]]),
    ]
    asked = {"instances": [{"image_bytes": {"b64": base64.b64encode(b"heron").decode()}}]}
    assert server.asked == [("/v1/models/birds:predict", asked)]


@pytest.mark.parametrize(
    ("flags", "path"),
    [
        ([], "/v1/models/m:predict"),
        (["--version", "3"], "/v1/models/m/versions/3:predict"),
        (["--label", "canary"], "/v1/models/m/labels/canary:predict"),
        (["--label", "a/b c"], "/v1/models/m/labels/a%2Fb%20c:predict"),
        (["--model", "é:x"], "/v1/models/%C3%A9%3Ax:predict"),
    ],
)
def test_the_version_or_label_is_in_the_path(server, query, write, flags, path):
    assert query("--url", server.url + "/", "--model", "m", *flags, *write("a.jpg"))[0] == 0
    assert [asked for asked, _ in server.asked] == [path]


def test_a_path_before_the_protocols_own_is_kept(server, query, write):
    query("--url", f"{server.url}/behind/proxy", "--model", "m", *write("a.jpg"))
    assert server.asked[0][0] == "/behind/proxy/v1/models/m:predict"


def test_of_an_export_with_a_target_it_is_told_whether_an_answer_is_accepted(server, query, write):
    accepted = {**predicted(base64.b64encode(b"heron")), "accepted": False, "distance": 1.23456}
    server.body = json.dumps({"predictions": [accepted]}).encode()
    code, [answer], _ = query("--url", server.url, "--model", "birds", *write("heron.jpg"))
    assert code == 0
    assert list(answer) == ["path", "label", "probability", "top", "distance", "accepted"]
    assert answer["distance"] == 1.2346
    assert answer["accepted"] is False


def test_files_that_fail_are_told_in_their_places(server, query, write, tmp_path):
    write("a.jpg", "bad.jpg", "c.jpg")
    (tmp_path / "b.jpg").mkdir()
    code, answers, _ = query("--url", server.url, "--model", "m", tmp_path)
    assert code == 1
    assert [answer.get("error", answer.get("label")) for answer in answers] == [
        "a",
        "not a readable image",
        "c",
    ]


def test_a_file_that_has_gone_is_not_sent(server, write, tmp_path):
    files = [*write("a.jpg"), tmp_path / "gone.jpg", *write("c.jpg")]
    answers = list(query_files(ServedModel(server.url, "m"), files))
    assert answers[1] == {"path": str(files[1]), "error": "No such file or directory"}
    assert [answers[0]["label"], answers[2]["label"]] == ["a", "c"]
    assert len(server.asked[0][1]["instances"]) == 2


def test_nothing_is_asked_about_nothing(server, tmp_path):
    model = ServedModel(server.url, "m")
    assert list(query_files(model, [])) == []
    assert [set(a) for a in query_files(model, [tmp_path / "gone"])] == [{"path", "error"}]
    assert server.asked == []


def test_requests_are_bounded_in_number_and_in_bytes(server, write, tmp_path, monkeypatch):
    files = write(*(f"{number}.jpg" for number in range(2 * BATCH + 1)))
    model = ServedModel(server.url, "m")
    assert len(list(query_files(model, files))) == len(files)
    assert [len(asked["instances"]) for _, asked in server.asked] == [BATCH, BATCH, 1]

    server.asked.clear()
    monkeypatch.setattr(client, "REQUEST_BYTES", 1 << 20)
    for name, size in [("half", 1 << 19), ("other", 1 << 19), ("more", 1), ("huge", (1 << 20) + 1)]:
        (tmp_path / name).write_text("x" * size)
    files = [tmp_path / name for name in ("half", "other", "more", "huge")]
    answers = list(query_files(model, files))
    assert [len(asked["instances"]) for _, asked in server.asked] == [2, 1]
    assert answers[3] == {"path": str(files[3]), "error": "too large: more than 1 MiB"}


def test_answers_are_printed_before_all_photos_are_asked_about(server, write):
    answers = query_files(
        ServedModel(server.url, "m"), write(*(f"{number}.jpg" for number in range(2 * BATCH)))
    )
    assert next(answers)["label"] == "0"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, {"error": "Servable not found"}, "HTTP 404 Not Found: Servable not found"),
        (400, {"error": "two\n  lines"}, "HTTP 400 Bad Request: two lines"),
        (503, {"error": 7}, "HTTP 503 Service Unavailable"),
        (429, b"", "HTTP 429 Too Many Requests"),
        (502, HTML, "HTTP 502 Bad Gateway"),
    ],
)
def test_a_refusal_is_told_with_the_servers_words(server, refusal, status, body, said):
    server.status = status
    server.body = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert refusal() == f"{server.url}/v1/models/m:predict: {said}"


def test_a_long_refusal_is_shortened(server, refusal):
    server.status, server.body = 400, json.dumps({"error": "word " * 10_000}).encode()
    said = refusal()
    assert len(said) < 500
    assert said.endswith("word ...")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", HTML, "returns a web page: another server or a proxy listens there"),
        ("application/json", b"{", "returns no predictions"),
        ("application/json", b"\xff", "returns no predictions"),
        ("application/json", b"[" * 100_000, "returns no predictions"),
        ("application/json", b"[]", "returns no predictions"),
        ("application/json", b'{"outputs": [[1]]}', "returns no predictions"),
        ("application/json", b'{"predictions": []}', "does not return 1 rows"),
        ("application/json", b'{"predictions": {"a": 1}}', "does not return 1 rows"),
        ("application/json", b'{"predictions": [[0.5]]}', "lacks the outputs valid, top_labels"),
        ("application/json", b'{"predictions": [{"valid": true}]}', "is the model an export of"),
        (
            "application/json",
            b'{"predictions": [{"valid": true, "top_labels": [], "top_probabilities": []}]}',
            "lacks the outputs",
        ),
        (
            "application/json",
            b'{"predictions": [{"valid": 1, "top_labels": ["a"], "top_probabilities": ["x"]}]}',
            "lacks the outputs",
        ),
    ],
)
def test_what_is_no_answer_of_an_export_is_told(server, refusal, kind, body, said):
    server.kind, server.body = kind, body
    assert said in refusal()


GOOD = {"valid": True, "top_labels": ["a", "b"], "top_probabilities": [0.75, 0.25]}


@pytest.mark.parametrize(
    ("output", "value", "said"),
    [
        ("top_probabilities", "[NaN, 0.25]", "a probability is NaN"),
        ("top_probabilities", "[Infinity, 0.25]", "a probability is Infinity"),
        ("top_probabilities", "[-Infinity, 0.25]", "a probability is -Infinity"),
        ("top_probabilities", "[1e999, 0.25]", "a probability is Infinity"),
        ("top_probabilities", f"[1{'0' * 400}, 0]", "a probability is 1000"),
        ("top_probabilities", f"[{'9' * 5000}, 0]", "returns no predictions"),
        ("top_probabilities", "[-0.1, 0.25]", "a probability is -0.1"),
        ("top_probabilities", "[true, 0.25]", "a probability is true"),
        ("top_probabilities", "[null, 0.25]", "a probability is null"),
        ("top_probabilities", "[[0.75], 0.25]", "a probability is [0.75]"),
        ("top_probabilities", '{"a": 1}', "top_probabilities is {"),
        ("top_probabilities", "[0.75]", "lacks the outputs"),
        ("top_labels", '[{"a": [NaN]}, "b"]', "a label is {"),
        ("top_labels", '[1, "b"]', "a label is 1"),
        ("top_labels", '["\\ud800", "b"]', 'a label is "\\ud800"'),
        ("top_labels", '"ab"', 'top_labels is "ab"'),
        ("top_labels", "null", "top_labels is null"),
        ("valid", "NaN", "valid is NaN"),
        ("valid", '"no"', 'valid is "no"'),
        ("accepted", "NaN", "accepted is NaN"),
        ("accepted", "[]", "accepted is []"),
        ("distance", "NaN", "distance is NaN"),
        ("distance", "-1", "distance is -1"),
        ("distance", "true", "distance is true"),
    ],
)
def test_values_that_no_export_gives_are_one_line(server, refusal, output, value, said):
    good = {name: json.dumps(item) for name, item in GOOD.items()}
    row = ", ".join(f'"{name}": {item}' for name, item in (good | {output: value}).items())
    server.kind, server.body = "application/json", f'{{"predictions": [{{{row}}}]}}'.encode()
    assert said in refusal()


def test_the_largest_probability_may_be_rounded_up(server, query, write):
    row = GOOD | {"top_probabilities": [1.0001, 0]}
    server.kind = "application/json"
    server.body = json.dumps({"predictions": [row]}).encode()
    code, [answer], _ = query("--url", server.url, "--model", "m", *write("a.jpg"))
    assert code == 0
    assert answer["top"] == [["a", 1.0001], ["b", 0.0]]


def test_of_an_endless_answer_a_part_is_read(server, refusal, monkeypatch):
    monkeypatch.setattr(client, "RESPONSE_BYTES", 1 << 20)
    server.kind, server.body = "application/json", b" " * (1 << 20) + b"{}"
    assert "returns more than 1 MiB: another server listens there" in refusal()


def test_silence_is_given_up(server, refusal):
    server.seconds = 2
    said = refusal("--timeout", "0.2")
    assert said.startswith(f"no answer from {server.url}/v1/models/m:predict: ")
    assert said.endswith("nothing within 0.2 seconds; see --timeout")


def test_a_broken_answer_is_told(server, refusal):
    server.missing = 5
    assert "no answer" in refusal()


def test_nobody_there_is_told(query, write):
    with running(Canned()) as gone:
        url = gone.url
    code, answers, err = query("--url", url, "--model", "m", *write("a.jpg"))
    assert (code, answers) == (2, [])
    assert err == (
        f"error: no answer from {url}/v1/models/m:predict: Connection refused; "
        "is the server running?\n"
    )


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "localhost:8501",
            "ftp://host",
            "file:///",
            "http://",
            "http://host:x",
            "http://[::1",
        ),
        *("http://two words", "http://host/ü", "http://host\n"),
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(FgmixError, match=r"write http://HOST:8501$"):
        ServedModel(url, "m")


def test_a_host_that_can_have_no_address_is_told():
    with pytest.raises(FgmixError, match=r"^no answer from http://a\.\.b/v1/"):
        ServedModel("http://a..b", "m").predict([b""])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--model", "m", "a.jpg"], "--url"),
        (["--url", "http://h", "a.jpg"], "--model"),
        (["--url", "http://h", "--model", "m"], "IMAGE_OR_FOLDER"),
        (["--url", "http://h", "--model", "m", "--version", "x", "a.jpg"], "--version"),
        (
            ["--url", "http://h", "--model", "m", "--version", "1", "--label", "b", "a.jpg"],
            "not allowed with",
        ),
        (["--url", "http://h", "--model", "m", "--timeout", "0", "a.jpg"], "must be above 0"),
        (["--url", "http://h", "--model", "m", "--timeout", "nan", "a.jpg"], "must be above 0"),
        (["--url", "http://h", "--model", "m", "missing.jpg"], "no such file or folder"),
    ],
)
def test_bad_usage_is_one_line(query, argv, said):
    code, answers, err = query(*argv)
    assert (code, answers) == (2, [])
    assert err.startswith("error: ")
    assert said in err
    assert len(err.splitlines()) == 1
