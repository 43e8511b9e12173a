"""What can go wrong, told apart by who must act."""


class BadCase(Exception):
    """A case file is wrong: its author must act. The text names file, case and step."""


class CaseFailed(Exception):
    """The testee did what the case forbids, or not what it asks for."""


class Unsupported(Exception):
    """The testee says that it cannot do this."""


class TesteeBroken(Exception):
    """The testee itself does not work: it died, hangs, or does not speak harness.proto."""
