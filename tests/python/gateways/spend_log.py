"""A callback of LiteLLM's proxy: the rows that LiteLLM writes into its table LiteLLM_SpendLogs, as JSON Lines.

LiteLLM's own function makes them; the file is that of the variable SPEND_LOG. The table itself needs a database whose
client LiteLLM downloads.
"""

import json
import os
from datetime import datetime
from pathlib import Path

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload


class SpendLog(CustomLogger):
    """Appends a row after each call that was answered."""

    async def async_log_success_event(
        self, kwargs: dict, response_obj: object, start_time: datetime, end_time: datetime
    ) -> None:
        """Called by LiteLLM."""
        row = get_logging_payload(kwargs, response_obj, start_time, end_time)
        with Path(os.environ["SPEND_LOG"]).open("a") as file:
            file.write(json.dumps(row, default=datetime.isoformat) + "\n")


logger = SpendLog()
