"""A model server with OpenAI's interface that counts what it has answered, and a relay that repeats what it is sent."""

import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What one answer counts, by model: prompt, cached and audio tokens in it; completion, reasoning and audio tokens in it.
COUNTS = {
    "plain": (1200, 300, 0, 80, 20, 0),
    "streamed": (2048, 1024, 0, 64, 0, 0),
    "audio": (500, 0, 120, 90, 0, 60),
    "flaky": (700, 0, 0, 70, 30, 0),
}


def usage(model: str) -> dict:
    """The usage that an answer of a model states."""
    prompt, cached, prompt_audio, completion, reasoning, completion_audio = COUNTS[model]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": prompt_audio},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": completion_audio},
    }


class Handler(BaseHTTPRequestHandler):
    """What both servers share."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments) -> None:
        """Nothing is logged."""

    def body(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Sends a response."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server:
    """A server on a thread of its own."""

    def __init__(self, handler: type) -> None:
        """Starts it on a free port."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.owner = self
        self.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"


class ModelHandler(Handler):
    """Chat completions."""

    def do_POST(self) -> None:
        """Answers a request, as JSON or as a stream, or with an error."""
        request = json.loads(self.body())
        model = request["model"]
        number, fails = self.server.owner.count(model)
        if fails:
            error = {"error": {"message": "overloaded", "type": "server_error"}}
            self.answer(500, "application/json", json.dumps(error).encode())
            return
        head = {"id": f"chatcmpl-{self.server.owner.prefix}-{number}", "created": 1, "model": model}
        if request.get("stream"):
            delta = {"index": 0, "delta": {"role": "assistant", "content": "yes"}, "finish_reason": None}
            end = {"index": 0, "delta": {}, "finish_reason": "stop"}
            chunks = [{"choices": [delta]}, {"choices": [end]}, {"choices": [], "usage": usage(model)}]
            object_ = {"object": "chat.completion.chunk"}
            lines = [f"data: {json.dumps({**head, **object_, **chunk})}\n\n" for chunk in chunks]
            self.answer(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode())
            return
        message = {"role": "assistant", "content": "yes"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        answer = {**head, "object": "chat.completion", "choices": choices, "usage": usage(model)}
        self.answer(200, "application/json", json.dumps(answer).encode())


class ModelServer(Server):
    """Counts the requests of each model. `broken` always fails, `flaky` every other time."""

    def __init__(self, prefix: str) -> None:
        """Starts it. `prefix` makes the ids of its answers its own."""
        super().__init__(ModelHandler)
        self.prefix = prefix
        self.requests = {}
        self.answered = []

    def count(self, model: str) -> tuple[int, bool]:
        """The number of an answer, and whether it is an error."""
        with self.lock:
            self.requests[model] = self.requests.get(model, 0) + 1
            fails = model == "broken" or (model == "flaky" and self.requests[model] % 2 == 1)
            if not fails:
                self.answered.append(model)
            return len(self.answered), fails


class RelayHandler(Handler):
    """Sends each request on, as often as its server says, and answers the last answer."""

    def do_POST(self) -> None:
        """Sends a request on."""
        body, relay = self.body(), self.server.owner
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "content-length", "connection", "accept-encoding")
        }
        for _ in range(relay.times):
            request = urllib.request.Request(relay.target + self.path, body, headers, method="POST")
            try:
                with urllib.request.urlopen(request) as response:
                    answered = response.status, response.headers.get("Content-Type", ""), response.read()
            except urllib.error.HTTPError as error:
                answered = error.code, error.headers.get("Content-Type", ""), error.read()
            with relay.lock:
                relay.relayed.append((self.path, answered[0], body, answered[2]))
        self.answer(*answered)


class Relay(Server):
    """Sends what it is sent on to another server."""

    def __init__(self, target: str, times: int) -> None:
        """Starts it; each request is sent on `times` times."""
        super().__init__(RelayHandler)
        self.target, self.times = target, times
        self.relayed = []
