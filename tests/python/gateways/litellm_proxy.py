"""Calls models through LiteLLM's proxy, whose callback reports to the server under test.

    litellm_proxy.py REQUEST

REQUEST is a JSON object: "Callback", the name of the callback in LiteLLM; "Times", how often each of its requests is
sent; "Prefix", of the ids of the answers; "Prices" {SKU: price of one token}; "SpendLog", a file to which the rows of
LiteLLM's spend log are appended. One JSON object on standard output:
"Before" and "After", what is pending; "Answered", the model of each answer that counts tokens; "Expected", what they
cost; "Requests", of each model; "Refused", the status of a call of an unknown model; "Relayed", the statuses of the
requests if they were sent more than once.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

from stub import COUNTS, ModelServer, Relay
from tollbook import KEY, SERVER, pending, wait_until_pending

MASTER_KEY = "sk-master"
# `broken` is answered by `plain`, `flaky` by a second attempt.
CALLS = ["plain", "streamed", "audio", "flaky", "broken"]


def configuration(models: ModelServer, callback: str) -> dict:
    """LiteLLM's configuration, with one provider of all models."""
    provider = {"api_base": f"{models.url}/v1", "api_key": "sk-provider"}
    return {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"openai/{name}", **provider}}
            for name in [*COUNTS, "broken"]
        ],
        "litellm_settings": {
            "callbacks": [callback, "spend_log.logger"],
            "num_retries": 1,
            "fallbacks": [{"broken": ["plain"]}],
        },
        "general_settings": {"master_key": MASTER_KEY},
    }


def environment(target: str, spend_log: str) -> dict:
    """The variables by which LiteLLM's callbacks find the server, and the file of the spend log."""
    return {
        **os.environ,
        "SPEND_LOG": spend_log,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DEFAULT_FLUSH_INTERVAL_SECONDS": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "GENERIC_LOGGER_ENDPOINT": f"{target}/v1/litellm",
        "GENERIC_LOGGER_HEADERS": f"Authorization=Bearer {KEY}",
        "OTEL_EXPORTER": "otlp_http",
        "OTEL_ENDPOINT": f"{target}/v1/traces",
        "OTEL_HEADERS": f"Authorization=Bearer {KEY}",
        "OPENMETER_API_ENDPOINT": target,
        "OPENMETER_API_KEY": KEY,
    }


class Proxy:
    """LiteLLM's proxy as a process."""

    def __init__(self, folder: Path, models: ModelServer, callback: str, target: str, spend_log: str) -> None:
        """Starts it, and waits until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = []
        # JSON is YAML, too.
        (folder / "config.yaml").write_text(json.dumps(configuration(models, callback)))
        # LiteLLM looks for callbacks beside its configuration.
        shutil.copy(Path(__file__).with_name("spend_log.py"), folder)
        program = Path(sys.executable).with_name("litellm")
        command = [program, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        self.process = subprocess.Popen(  # noqa: S603
            command,
            env=environment(target, spend_log),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started = threading.Event()
        threading.Thread(target=self.follow, args=(started,), daemon=True).start()
        started.wait()
        if self.process.poll() is not None:
            raise RuntimeError("".join(self.log))

    def follow(self, started: threading.Event) -> None:
        """Keeps the log, and tells when the proxy answers or has ended."""
        for line in self.process.stdout:
            self.log.append(line)
            if "Uvicorn running on" in line:
                started.set()
        self.process.wait()
        started.set()

    def call(self, model: str) -> None:
        """Asks a model, and reads the whole answer."""
        body = {"model": model, "messages": [{"role": "user", "content": "?"}], "user": "customer-1"}
        if model == "streamed":
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        headers = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
        url = f"{self.url}/v1/chat/completions"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as response:
            response.read()

    def refused(self) -> int:
        """The status of a call of a model that does not exist."""
        try:
            self.call("unheard-of")
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def stop(self) -> None:
        """Ends the process, which sends what it still has."""
        self.process.terminate()
        self.process.wait()


def quantities(model: str, callback: str) -> dict:
    """The tokens by SKU that the callback can report of an answer: only `generic_api` states their kinds."""
    prompt, cached, prompt_audio, completion, reasoning, completion_audio = COUNTS[model]
    if callback != "generic_api":
        return {"input": prompt, "output": completion}
    return {
        "input": prompt - cached - prompt_audio,
        "cache_read": cached,
        "input_audio": prompt_audio,
        "output": completion - reasoning - completion_audio,
        "reasoning": reasoning,
        "output_audio": completion_audio,
    }


def main() -> None:
    """Calls every model once; prints one JSON object."""
    request = json.loads(sys.argv[1])
    callback, prices = request["Callback"], request["Prices"]
    models = ModelServer(request["Prefix"])
    relay = Relay(SERVER, request["Times"]) if request["Times"] > 1 else None
    before = pending()
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(Path(folder), models, callback, relay.url if relay else SERVER, request["SpendLog"])
        try:
            for model in CALLS:
                proxy.call(model)
            refused = proxy.refused()
            tokens = [(sku, count) for model in models.answered for sku, count in quantities(model, callback).items()]
            expected = sum((Decimal(prices[sku]) * count for sku, count in tokens), Decimal(0))
            wait_until_pending(before + expected, lambda: proxy.process.poll() is None)
        finally:
            proxy.stop()
    found = {
        "Before": str(before),
        "After": str(pending()),
        "Expected": str(expected),
        "Answered": models.answered,
        "Requests": models.requests,
        "Refused": refused,
        "Relayed": [status for _, status, _, _ in relay.relayed] if relay else [],
    }
    sys.stdout.write(json.dumps(found))


main()
