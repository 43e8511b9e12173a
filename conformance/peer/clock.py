"""Virtual time. Nothing in this package asks the machine for the time."""


class Clock:
    """`now_ms` is monotonic and drives every timer; `unix_ms` is the wall clock, which may jump."""

    START_UNIX_MS = 1_700_000_000_000

    def __init__(self) -> None:
        self.now_ms = 0
        self.step_ms = 0

    @property
    def unix_ms(self) -> int:
        return self.START_UNIX_MS + self.now_ms + self.step_ms
