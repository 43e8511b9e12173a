"""Role VIEW: a reducer (docs/spec.md, section 15)."""
import protos
from view import View


def fold(ask) -> bytes:
    """What is shown after the steps of a Fold."""
    view = View()
    for step in ask.steps:
        kind = step.WhichOneof("step")
        if kind in ("durable", "begin", "tail"):
            event = protos.event.Event.FromString(getattr(step, kind))
            {"durable": view.fold, "begin": view.begin, "tail": view.tail}[kind](event)
        elif kind == "clear":
            view.clear()
        elif kind == "jump":
            view.jump()
    return view.shown().SerializeToString()
