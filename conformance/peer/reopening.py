"""Opening a channel again that was closed with class 1 or 2 (docs/spec.md, 5.3.3)."""
from __future__ import annotations

BACKOFF_FIRST_MS, BACKOFF_MAX_MS = 250, 30_000  # 5.3
OPEN_LONG_MS = 60_000


class Reopening:
    """When the next OPEN of one log is due on this carrier."""

    def __init__(self, clock, rng) -> None:
        self.clock = clock
        self.rng = rng
        self.attempts = 0
        self.due_ms: int | None = None
        self.opened_ms: int | None = None

    def opened(self) -> None:
        self.opened_ms = self.clock.now_ms

    def after(self, retry_after_ms: int) -> None:
        """The channel was closed; it is wanted."""
        now = self.clock.now_ms
        if self.opened_ms is not None and now - self.opened_ms >= OPEN_LONG_MS:
            self.attempts = 0
        self.opened_ms = None
        self.attempts += 1
        most = min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS << min(self.attempts - 1, 16))
        self.due_ms = now + max(self.rng.randint(0, most), retry_after_ms)

    def stop(self) -> None:
        self.due_ms = None

    def is_due(self) -> bool:
        return self.due_ms is not None and self.clock.now_ms >= self.due_ms
