"""What every implementation owes on every carrier, whatever a case is about: held against each
frame that a testee writes."""


class Monitor:
    """Of one carrier. judge() says what is wrong with a frame that came, or nothing."""

    def __init__(self) -> None:
        self.over = False  # GOAWAY or REFUSE came

    def sent(self, frame: dict) -> None:
        """The runner wrote an ACK or a PONG of its own."""

    def sent_view(self, view) -> None:
        """The runner wrote this frame."""

    def judge(self, view, conversation) -> str:
        if self.over:
            return "something follows GOAWAY"
        if view.type in ("GOAWAY", "REFUSE"):
            self.over = True
        return ""
